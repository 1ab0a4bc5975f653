// Writes a .br and a .gz beside every file of the built page that is worth it: the server sends them as they are.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const PAGE = new URL('../dist/page', import.meta.url).pathname;
const WORTH_IT = /\.(css|html|js|svg)$/;

for (const name of readdirSync(PAGE, { recursive: true })) {
  if (!WORTH_IT.test(name)) continue;
  const path = join(PAGE, name);
  const content = readFileSync(path);
  writeFileSync(`${path}.br`, brotliCompressSync(content, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length },
  }));
  writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
}
