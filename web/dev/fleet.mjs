// 24 made-up devices on two sites: their values are functions of time, so that history and live values agree.

const wave = (seed, period, t) => Math.sin((t / period) * 2 * Math.PI + seed);
const noise = (seed, t) => {
  const x = Math.sin(seed * 127.1 + Math.floor(t / 500) * 0.0311) * 43758.5453;
  return x - Math.floor(x) - 0.5;
};
const line = (unit, every, base, swing, jitter) => ({ unit, every, base, swing, jitter });

const MODELS = {
  machine: {
    'motor/temperature': line('Cel', 1000, 61, 9, 0.6),
    vibration: line('m/s2', 500, 2.4, 0.8, 0.9),
    speed: line('1/min', 1000, 1480, 25, 8),
    power: line('W', 1000, 2150, 300, 60),
    parts: line('count', 5000, 812, 0, 0),
  },
  sensor: {
    temperature: line('Cel', 2000, 21.5, 2.5, 0.15),
    humidity: line('%RH', 2000, 48, 7, 0.6),
    battery: line('%EL', 10000, 83, 1, 0),
  },
  meter: {
    voltage: line('V', 1000, 230.4, 1.6, 0.7),
    current: line('A', 1000, 12.4, 5, 0.5),
    energy: line('kWh', 5000, 18342, 0, 0),
  },
  gateway: { 'cpu/load': line('/', 2000, 0.31, 0.12, 0.08), 'uplink/queue': line('count', 2000, 4, 4, 2) },
  camera: { brightness: line('lx', 2000, 320, 90, 6) },
};

export const things = [];
const add = (type, site, count, prefix, gateway) => {
  for (let i = 1; i <= count; i++) {
    const name = `${prefix}-${String(i).padStart(2, '0')}`;
    things.push({
      name,
      type,
      online: true,
      last_seen: Date.now(),
      gateway: gateway ?? null,
      attributes: {
        site,
        model: `${type.toUpperCase()}-${100 + i}`,
        firmware: `1.${i % 4}.2`,
        area: i % 2 ? 'north' : 'south',
      },
    });
  }
};
add('gateway', 'plant1', 1, 'gw-plant1');
add('gateway', 'plant2', 1, 'gw-plant2');
add('machine', 'plant1', 6, 'press', 'gw-plant1-01');
add('machine', 'plant2', 4, 'lathe', 'gw-plant2-01');
add('sensor', 'plant1', 4, 'hall');
add('sensor', 'plant2', 4, 'store');
add('meter', 'plant1', 2, 'meter');
add('camera', 'plant1', 1, 'gate-cam');
add('camera', 'plant2', 1, 'yard-cam');
things.find((t) => t.name === 'store-03').online = false;
things.find((t) => t.name === 'store-03').last_seen = Date.now() - 5.4e6;

export const series = things.flatMap((thing, i) =>
  Object.entries(MODELS[thing.type]).map(([channel, model], j) => ({
    id: i * 10 + j + 1,
    device: thing.name,
    channel,
    seed: i * 1.7 + j,
    ...model,
  })),
);

export function valueAt(s, t) {
  if (s.channel === 'parts') return Math.floor(s.base + (t % 864e5) / 9000);
  if (s.channel === 'energy') return s.base + (t % 864e5) / 4e5;
  const value =
    s.base +
    s.swing * (0.7 * wave(s.seed, 240_000, t) + 0.3 * wave(s.seed * 2, 47_000, t)) +
    s.jitter * noise(s.seed, t);
  return s.unit === 'count' ? Math.max(0, Math.round(value)) : Math.round(value * 1000) / 1000;
}

export const alarms = [
  {
    id: 'a-1',
    name: 'bearing_hot',
    thing: 'press-03',
    severity: 'critical',
    state: 'active',
    message: 'Motor temperature 91.2 °C, limit 85 °C',
    raised_at: Date.now() - 130_000,
    count: 4,
  },
  {
    id: 'a-2',
    name: 'vibration_high',
    thing: 'lathe-02',
    severity: 'major',
    state: 'active',
    message: 'Mean vibration of one minute above 4 m/s²',
    raised_at: Date.now() - 760_000,
    count: 1,
  },
  {
    id: 'a-3',
    name: 'device_silent',
    thing: 'store-03',
    severity: 'warning',
    state: 'acknowledged',
    acknowledged_by: 'admin',
    acknowledged_at: Date.now() - 2.9e6,
    message: 'No message for 90 minutes',
    raised_at: Date.now() - 5.2e6,
    count: 1,
  },
  {
    id: 'a-4',
    name: 'battery_low',
    thing: 'hall-02',
    severity: 'minor',
    state: 'cleared',
    message: 'Battery below 20 %',
    raised_at: Date.now() - 8.1e7,
    cleared_at: Date.now() - 6.4e7,
    count: 2,
  },
];

export const rules = [
  {
    name: 'bearing-hot',
    description: 'Alarm when a motor stays hot',
    enabled: true,
    sql: "SELECT payload.value AS value, topic(4) AS device\nFROM 'demo/+/machine/+/motor/temperature'\nWHERE payload.value > 85",
    actions: [
      {
        alarm: {
          name: 'bearing_hot',
          severity: 'critical',
          message: 'Motor temperature ${value} °C',
          clear_when: 'value < 80',
        },
      },
    ],
  },
  {
    name: 'vibration-mean',
    description: 'One-minute mean of vibration, republished per machine',
    enabled: true,
    sql: "SELECT avg(payload.value) AS mean, topic(4) AS device\nFROM 'demo/+/machine/+/vibration'\nGROUP BY topic(4), TumblingWindow(minute, 1)",
    actions: [{ republish: { topic: 'derived/${device}/vibration', qos: 1 } }],
  },
  {
    name: 'night-light',
    description: '',
    enabled: false,
    sql: "SELECT *\nFROM 'demo/plant2/camera/+/brightness'\nWHERE payload.value < 10",
    actions: [{ republish: { topic: 'lights/yard', qos: 0 } }],
  },
];

const shadow = (desired, reported) => ({ version: 7, desired, reported, stamps: { desired: {}, reported: {} } });
export const shadows = new Map(
  things.map((thing) => [
    thing.name,
    shadow(
      { interval_s: 2, led: true },
      { interval_s: 2, led: true, firmware: thing.attributes.firmware, network: { rssi: -61, ip: '10.0.3.17' } },
    ),
  ]),
);
