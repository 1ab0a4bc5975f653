import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

import { beforeAll, describe, expect, it } from 'vitest';

const UI = fileURLToPath(new URL('..', import.meta.url));
const PAGE = join(UI, 'dist/page');
/** Bytes of JavaScript, compressed with gzip. */
const MOST_JAVASCRIPT = 200_000;

describe('the built page', () => {
  let files: string[] = [];
  beforeAll(() => {
    if (!existsSync(join(PAGE, 'index.html'))) throw new Error('there is no built page: run `npm run build` first');
    files = readdirSync(PAGE, { recursive: true, encoding: 'utf8' });
  });

  it('has at most 200 kB of JavaScript', () => {
    const scripts = files.filter((file) => file.endsWith('.js.gz'));
    expect(scripts.length).toBeGreaterThan(1);
    const size = scripts.reduce((sum, file) => sum + readFileSync(join(PAGE, file)).length, 0);
    expect(size).toBeLessThanOrEqual(MOST_JAVASCRIPT);
  });

  it('is compressed beforehand, without a loss', () => {
    const plain = files.filter((file) => /\.(css|html|js|svg)$/.test(file));
    expect(plain.length).toBeGreaterThan(3);
    for (const file of plain) {
      const content = readFileSync(join(PAGE, file));
      expect(gunzipSync(readFileSync(join(PAGE, `${file}.gz`))).equals(content), file).toBe(true);
      expect(brotliDecompressSync(readFileSync(join(PAGE, `${file}.br`))).equals(content), file).toBe(true);
    }
  });

  it('loads nothing from elsewhere and holds no script or style of its own', () => {
    const html = readFileSync(join(PAGE, 'index.html'), 'utf8');
    expect(html).not.toMatch(/https?:|<style| style=| on\w+=|<script>|data:/);
  });
});

describe('the types of the API', () => {
  it('are those of the committed document', () => {
    const cli = join(UI, 'node_modules/openapi-typescript/bin/cli.js');
    const options = ['../openapi.json', '--root-types', '--root-types-no-schema-prefix', '--check', '--output', 'src/api/types.ts'];
    const made = () => execFileSync(process.execPath, [cli, ...options], { cwd: UI, stdio: 'pipe' });
    expect(made, 'src/api/types.ts is out of date: run `npm run types`').not.toThrow();
  }, 30_000);
});
