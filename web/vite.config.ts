import { readFileSync } from 'node:fs';
import { defineConfig } from 'vite';
import solid from 'vite-plugin-solid';

const { version } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'));

// The page runs under a strict Content-Security-Policy: nothing may be inlined, neither scripts nor styles nor images.
export default defineConfig({
  plugins: [solid()],
  define: { __WEB_VERSION__: JSON.stringify(version) },
  build: {
    target: 'es2022',
    outDir: process.env['DUNLIN_WEB_DIST'] ?? 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: 'build.json',
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8080', ws: true } } },
});
