import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env['DASHBOARD'] ?? 'http://127.0.0.1:3001';

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: 'dist/page',
    target: 'es2022',
    // the policy allows files of this server alone: nothing may become a data URL
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { '/api': server, '/socket.io': { target: server, ws: true } },
  },
  test: { include: ['src/**/*.test.ts', 'tools/**/*.test.ts'], env: { TZ: 'Asia/Ho_Chi_Minh' } },
});
