// Numbers, units, ages and dates as people read them.

const UNIT_LABELS: Record<string, string> = {
  Cel: '°C',
  '%RH': '% RH',
  '%EL': '%',
  '/': '',
  m2: 'm²',
  m3: 'm³',
  'm/s2': 'm/s²',
  'm3/s': 'm³/s',
  'l/s': 'l/s',
  'W/m2': 'W/m²',
  'beat/min': 'bpm',
  Ohm: 'Ω',
  degC: '°C',
  '1/min': 'rpm',
  '1/s': '/s',
  lon: '°',
  lat: '°',
  count: '',
  'kg/m3': 'kg/m³',
  'm2/s': 'm²/s',
};

/** SenML's unit name (RFC 8428 section 12.1) as a label. */
export function unitLabel(unit: string): string {
  return UNIT_LABELS[unit] ?? unit;
}

const formatters = new Map<number, Intl.NumberFormat>();
function fixed(digits: number): Intl.NumberFormat {
  let found = formatters.get(digits);
  if (!found) {
    found = new Intl.NumberFormat('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
    formatters.set(digits, found);
  }
  return found;
}

/** About four significant digits with a steady number of decimals, so that a changing value does not dance. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e9 || size < 1e-3)) return value.toExponential(2).replace('-', '−');
  if (Number.isInteger(value)) return minus(fixed(0).format(value));
  const digits = size >= 1000 ? 0 : size >= 100 ? 1 : size >= 1 ? 2 : 3;
  return minus(fixed(digits).format(value));
}

function minus(text: string): string {
  return text.startsWith('-') ? `−${text.slice(1)}` : text;
}

export function formatCount(value: number): string {
  return fixed(0).format(value);
}

export function formatBytes(bytes: number): string {
  const steps = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let step = 0;
  let value = bytes;
  while (value >= 1024 && step < steps.length - 1) {
    value /= 1024;
    step += 1;
  }
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${steps[step]}`;
}

export function formatRate(perSecond: number): string {
  return perSecond < 10 ? fixed(1).format(perSecond) : fixed(0).format(perSecond);
}

/** Short age: "now", "12 s", "5 min", "3 h", "2 d". */
export function formatAge(ms: number): string {
  if (Number.isNaN(ms)) return '–';
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** "2 d 3 h", "3 h 12 min", "5 min 2 s". */
export function formatDuration(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds));
  const parts: [number, string][] = [
    [Math.floor(s / 86_400), 'd'],
    [Math.floor(s / 3600) % 24, 'h'],
    [Math.floor(s / 60) % 60, 'min'],
    [s % 60, 's'],
  ];
  const first = parts.findIndex(([n]) => n > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([n]) => n > 0)
    .map(([n, unit]) => `${n} ${unit}`)
    .join(' ');
}

const dateTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
export function formatDate(ms: number): string {
  return Number.isFinite(ms) ? dateTime.format(ms) : '–';
}

/** Unix ms of what the API calls a time: ms or an ISO text; NaN where there is none. */
export function toMs(time: number | string | null | undefined): number {
  if (typeof time === 'number') return time;
  return time ? Date.parse(time) : NaN;
}

/** "motor/bearing_left" -> "motor/bearing left". */
export function channelLabel(channel: string): string {
  return channel.replaceAll('_', ' ');
}

/** The part that names the quantity, and where it belongs: "motor/bearing_left" -> ["bearing left", "motor"]. */
export function channelParts(channel: string): [name: string, of: string] {
  const cut = channel.lastIndexOf('/');
  return [channelLabel(channel.slice(cut + 1)), channelLabel(channel.slice(0, Math.max(0, cut)))];
}

export const MIN_PASSWORD = 12;
export type PasswordProblem = 'short' | 'plain' | 'differs' | undefined;

/** Length is what counts; a password of one or two different characters is refused all the same. */
export function passwordProblem(password: string, repeated: string): PasswordProblem {
  if ([...password].length < MIN_PASSWORD) return 'short';
  if (new Set(password).size < 4) return 'plain';
  return password === repeated ? undefined : 'differs';
}
