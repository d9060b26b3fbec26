// Fails when the first screen (page, entry scripts and their static imports, styles, theme script) weighs more than the
// budget, and when anything built would break the strict Content-Security-Policy. Prints every file's size.
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET = 70 * 1024;
const dist = process.env.DUNLIN_WEB_DIST ?? new URL('./dist/', import.meta.url).pathname;
const gzipped = (file) => gzipSync(readFileSync(join(dist, file)), { level: 9 }).length;
const build = JSON.parse(readFileSync(join(dist, 'build.json'), 'utf8'));

const first = new Set(['index.html', 'theme.js', 'icon.svg', 'manifest.webmanifest']);
const visit = (key) => {
  const chunk = build[key];
  if (first.has(chunk.file)) return;
  first.add(chunk.file);
  for (const css of chunk.css ?? []) first.add(css);
  for (const next of chunk.imports ?? []) visit(next);
};
visit(Object.keys(build).find((key) => build[key].isEntry));

const files = readdirSync(dist, { recursive: true }).filter(
  (f) => f !== 'build.json' && statSync(join(dist, f)).isFile(),
);
let total = 0;
let all = 0;
for (const file of files.sort()) {
  const size = gzipped(file);
  all += size;
  if (first.has(file)) total += size;
  console.log(`${first.has(file) ? 'first' : 'later'}  ${String(size).padStart(7)}  ${file}`);
}
console.log(
  `first screen ${(total / 1024).toFixed(1)} KB gz of ${BUDGET / 1024}; everything ${(all / 1024).toFixed(1)} KB gz`,
);

const problems = [];
const html = readFileSync(join(dist, 'index.html'), 'utf8');
if (/<style|\sstyle=|<script(?![^>]*\ssrc=)|\son\w+=/i.test(html))
  problems.push('index.html holds inline code or styles');
for (const file of files.filter((f) => /\.(js|css|html)$/.test(f))) {
  const text = readFileSync(join(dist, file), 'utf8');
  if (/\beval\(|new Function\(/.test(text)) problems.push(`${file} evaluates text`);
  if (/data:(?!;)[a-z]+\/[a-z+-]+[;,]/.test(text)) problems.push(`${file} holds inlined data`);
}
if (total > BUDGET) problems.push(`the first screen is ${total - BUDGET} bytes over its budget`);
for (const problem of problems) console.error(`check_size: ${problem}`);
process.exit(problems.length > 0 ? 1 : 0);
