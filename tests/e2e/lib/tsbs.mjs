// The data and the queries of the Time Series Benchmark Suite's IoT case (TSBS, MIT), made anew from its description with a
// fixed seed: trucks that send readings and diagnostics, out of order and with gaps.

const FLEETS = ['East', 'West', 'North', 'South'];
const DRIVERS = ['Derek', 'Rodney', 'Albert', 'Andy', 'Seth', 'Trish'];
const VERSIONS = ['v1.0', 'v1.5', 'v2.0', 'v2.3'];
const MODELS = [
  { model: 'F-150', load_capacity: 2000, fuel_capacity: 200, nominal_fuel_consumption: 15 },
  { model: 'G-2000', load_capacity: 5000, fuel_capacity: 300, nominal_fuel_consumption: 19 },
  { model: 'H-2', load_capacity: 1500, fuel_capacity: 150, nominal_fuel_consumption: 12 },
];
export const START = Date.UTC(2016, 0, 1) / 1000;
export const INTERVAL = 10;
export const TAGS = ['fleet', 'driver', 'model', 'device_version'];
const CAPACITIES = ['load_capacity', 'fuel_capacity', 'nominal_fuel_consumption'];
const WALKS = {
  latitude: { step: 0.005, from: -90, to: 90, start: (random) => random() * 90, digits: 5 },
  longitude: { step: 0.005, from: -180, to: 180, start: (random) => random() * 180, digits: 5 },
  elevation: { step: 10, from: 0, to: 5000, start: (random) => random() * 500, digits: 0 },
  velocity: { step: 10, from: 0, to: 100, start: () => 0, digits: 0 },
  heading: { step: 5, from: 0, to: 360, start: (random) => random() * 360, digits: 0 },
  grade: { step: 5, from: 0, to: 100, start: () => 0, digits: 0 },
  fuel_consumption: { step: 5, from: 0, to: 50, start: () => 25, digits: 1 },
};
export const FIELDS = {
  readings: [...CAPACITIES, ...Object.keys(WALKS)],
  diagnostics: [...CAPACITIES, 'fuel_state', 'current_load', 'status'],
};

/** Numbers from 0 to 1 that a seed repeats (mulberry32). */
function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 4294967296;
  };
}

const clamp = (value, from, to) => Math.min(Math.max(value, from), to);
const rounded = (value, digits) => Number(value.toFixed(digits));

class Truck {
  constructor(number, random) {
    const pick = (list) => list[Math.floor(random() * list.length)];
    this.random = random;
    const model = pick(MODELS);
    this.name = `truck_${number}`;
    this.tags = { fleet: pick(FLEETS), driver: pick(DRIVERS), model: model.model, device_version: pick(VERSIONS) };
    this.capacities = Object.fromEntries(CAPACITIES.map((name) => [name, model[name]]));
    this.walks = Object.fromEntries(Object.entries(WALKS).map(([name, walk]) => [name, walk.start(random)]));
    this.fuel = 1;
    this.load = random() * 5000;
    this.status = 0;
  }

  readings() {
    const fields = { ...this.capacities };
    for (const [name, { step, from, to, digits }] of Object.entries(WALKS)) {
      this.walks[name] = clamp(this.walks[name] + (2 * this.random() - 1) * step, from, to);
      fields[name] = rounded(this.walks[name], digits);
    }
    return fields;
  }

  diagnostics() {
    const { random } = this;
    this.fuel = clamp(this.fuel - random() * 0.001, 0, 1);
    if (this.fuel === 0) this.fuel = 1;
    if (random() < 0.05) this.load = random() * 5000;
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    this.status = clamp(this.status + normal, 0, 5);
    return { ...this.capacities, fuel_state: rounded(this.fuel, 1), current_load: rounded(this.load, 0), status: Math.trunc(this.status) };
  }
}

/** Drops some of the list, holds some back, and puts some of what was held back before a later one. */
function* disordered(list, random, { drop, hold, insert }, held) {
  for (const one of list) {
    const chance = random();
    if (chance < drop) continue;
    if (chance < drop + hold) {
      held.push(one);
      continue;
    }
    if (held.length > 0 && random() < insert) yield held.shift();
    yield one;
  }
}

/** Records {table, truck, time, fields} of so many trucks and ticks, in the order in which they arrive. */
export function* records({ trucks, ticks, seed = 1 }) {
  const random = randomOf(seed);
  const fleet = Array.from({ length: trucks }, (_, number) => new Truck(number, randomOf(seed * 7919 + number)));
  function* batches() {
    let batch = [];
    for (let tick = 0; tick < ticks; tick++) {
      for (const truck of fleet) {
        for (const table of ['readings', 'diagnostics']) {
          batch.push({ table, truck, time: START + tick * INTERVAL, fields: truck[table]() });
          if (batch.length < 10) continue;
          yield batch;
          batch = [];
        }
      }
    }
    yield batch;
  }
  const heldRecords = [];
  for (const batch of disordered(batches(), random, { drop: 0.01, hold: 0.05, insert: 0.5 }, [])) {
    for (const record of disordered(batch, random, { drop: 0.1, hold: 0.3, insert: 0.5 }, heldRecords)) {
      // An empty name means that the record belongs to no truck.
      if (random() < 0.002) continue;
      if (random() < 0.1) {
        const own = FIELDS[record.table].filter((name) => !CAPACITIES.includes(name));
        delete record.fields[own[Math.floor(random() * own.length)]];
      }
      yield record;
    }
  }
}

export function lineOf({ table, truck, time, fields }) {
  const tags = TAGS.map((name) => `${name}=${truck.tags[name]}`).join(',');
  const values = Object.entries(fields).map(([name, value]) => `${name}=${value}${name === 'status' ? 'i' : ''}`);
  return `${table},name=${truck.name},${tags} ${values.join(',')} ${time}000000000`;
}

/** A line of ClickHouse's TabSeparated. */
export function rowOf({ table, truck, time, fields }) {
  const cells = [time, truck.name, ...TAGS.map((name) => truck.tags[name]), ...FIELDS[table].map((name) => fields[name] ?? '\\N')];
  return cells.join('\t');
}

/** CREATE TABLE for ClickHouse. */
export function tableFor(table) {
  const fields = FIELDS[table].map((name) => `${name} Nullable(Float64)`);
  const columns = ['time DateTime', 'device String', ...TAGS.map((name) => `${name} String`), ...fields];
  return `CREATE TABLE ${table} (${columns.join(', ')}) ENGINE = MergeTree PARTITION BY toYYYYMM(time) ORDER BY (device, time)`;
}

const TEN = { ours: "time_bucket('10 minutes', time)", theirs: 'intDiv(toUInt32(time), 600) * 600' };
const text = (time) => `'${new Date(time * 1000).toISOString().slice(0, 19).replace('T', ' ')}'`;

const driving = (columns, ten, where) =>
  `SELECT ${columns}, ${ten} AS ten FROM readings ${where} GROUP BY ${columns}, ten HAVING avg(velocity) > 1`;

/** The states of each truck's parts of ten minutes: as rows, and as arrays of times and states. */
const runs = (table, state) => ({
  ours: `SELECT model, device, ${TEN.ours} AS ten, ${state.ours} AS state FROM ${table} GROUP BY model, device, ten`,
  theirs: `SELECT model, device, groupArray(ten) AS t, groupArray(state) AS s FROM (
    SELECT model, device, ${TEN.theirs} AS ten, ${state.theirs} AS state FROM ${table}
    GROUP BY model, device, ten ORDER BY device, ten) GROUP BY model, device`,
});
const speeding = runs('readings', { ours: 'avg(velocity) > 5', theirs: 'avg(velocity) > 5' });
const broken = runs('diagnostics', {
  ours: 'sum(CASE WHEN status = 0 THEN 1 ELSE 0 END) * 2 >= count(status)',
  theirs: 'sum(status = 0) * 2 >= count(status)',
});

const sessions = {
  ours: `SELECT device, time_bucket('1 day', start) AS day, avg(seconds(stop - start)) FROM (
    SELECT device, ten AS start, state, lead(ten) OVER (PARTITION BY device ORDER BY ten) AS stop FROM (
      SELECT device, ten, state, lag(state) OVER (PARTITION BY device ORDER BY ten) AS before FROM (${speeding.ours}) AS parts
    ) AS changes WHERE state <> before) AS runs
    WHERE state AND stop IS NOT NULL GROUP BY device, day`,
  // ct and cs: when the state changed, and to what; nt: when it changed next.
  theirs: `SELECT device, intDiv(run.1, 86400) * 86400 AS day, avg(run.2 - run.1) FROM (
    SELECT device, arrayJoin(arrayFilter((r, now, end) -> now = 1 AND end != 0,
                                         arrayMap((a, b) -> (a, b), ct, nt), cs, nt)) AS run FROM (
      SELECT device, ct, cs, arrayResize(arrayPopFront(ct), length(ct)) AS nt FROM (
        SELECT device, arrayFilter((x, a, b) -> a != b, t, s, p) AS ct, arrayFilter((x, a, b) -> a != b, s, s, p) AS cs FROM (
          SELECT device, t, s, arrayPopBack(arrayPushFront(s, s[1])) AS p FROM (${speeding.theirs})))))
    GROUP BY device, day`,
};

const breakdowns = {
  ours: `SELECT model, sum(CASE WHEN state AND NOT before THEN 1 ELSE 0 END) FROM (
    SELECT model, state, lag(state) OVER (PARTITION BY device ORDER BY ten) AS before FROM (${broken.ours}) AS parts) AS changes
    GROUP BY model`,
  theirs: `SELECT model, sum(arraySum(arrayMap(i -> i > 1 AND s[i] = 1 AND s[i - 1] = 0, arrayEnumerate(s))))
    FROM (${broken.theirs}) GROUP BY model`,
};

const DAY = { ours: "time_bucket('1 day', ten)", theirs: 'intDiv(ten, 86400) * 86400' };
const both = (make) => ({ ours: make(TEN.ours, DAY.ours), theirs: make(TEN.theirs, DAY.theirs) });
/** A query of the last values of columns. */
const ofLast = (columns, make) => ({
  ours: make(...columns.map((column) => `last(${column}, time)`)),
  theirs: make(...columns.map((column) => `argMax(${column}, time)`)),
});

/**
 * {name: {ours, theirs}}: the queries in our SQL and in ClickHouse's, over `hours` of data. `long` and `daily`: of how many
 * parts of ten minutes a long session has more.
 */
export function queries({ fleet = 'South', hours = 24, long = 22, daily = 60 } = {}) {
  const seconds = hours * 3600;
  const between = (from, to) => `fleet = '${fleet}' AND time >= ${text(START + from)} AND time < ${text(START + to)}`;
  const ofFleet = `WHERE fleet = '${fleet}' GROUP BY device, driver`;
  const fourHours = between(seconds / 4, seconds / 4 + Math.min(4 * 3600, seconds / 2));
  const sessionsOf = (where, parts) =>
    both((ten) => `SELECT device, driver FROM (${driving('device, driver', ten, `WHERE ${where}`)}) AS parts
      GROUP BY device, driver HAVING count(*) > ${parts}`);
  return {
    'last-loc': ofLast(['longitude', 'latitude'], (x, y) => `SELECT device, driver, ${x}, ${y} FROM readings ${ofFleet}`),
    'low-fuel': ofLast(['fuel_state'], (fuel) => `SELECT device, driver, ${fuel} FROM diagnostics ${ofFleet} HAVING ${fuel} < 0.1`),
    'high-load': ofLast(
      ['current_load', 'load_capacity'],
      (load, most) => `SELECT device, driver, ${load}, ${most} FROM diagnostics ${ofFleet} HAVING ${load} / ${most} > 0.9`,
    ),
    'stationary-trucks': both(
      () => `SELECT device, driver FROM readings WHERE ${between(seconds / 2, seconds / 2 + 600)}
        GROUP BY device, driver HAVING avg(velocity) < 1`,
    ),
    'long-driving-sessions': sessionsOf(fourHours, long),
    'long-daily-sessions': sessionsOf(between(0, seconds), daily),
    'avg-vs-projected-fuel-consumption': both(
      () => 'SELECT fleet, avg(fuel_consumption), avg(nominal_fuel_consumption) FROM readings WHERE velocity > 1 GROUP BY fleet',
    ),
    'avg-daily-driving-duration': both(
      (ten, day) => `SELECT fleet, device, driver, avg(hours) FROM (
        SELECT fleet, device, driver, ${day} AS day, floor(count(*) / 6) AS hours FROM (
          ${driving('fleet, device, driver', ten, '')}) AS parts GROUP BY fleet, device, driver, day) AS days
        GROUP BY fleet, device, driver`,
    ),
    'avg-daily-driving-session': sessions,
    'avg-load': both(
      () => `SELECT fleet, model, capacity, avg(load / capacity) FROM (
        SELECT fleet, model, device, max(load_capacity) AS capacity, avg(current_load) AS load
        FROM diagnostics GROUP BY fleet, model, device) AS trucks GROUP BY fleet, model, capacity`,
    ),
    'daily-activity': both(
      (ten, day) => `SELECT fleet, model, ${day} AS day, sum(n) / 144 FROM (
        SELECT fleet, model, ${ten} AS ten, count(status) AS n FROM diagnostics
        GROUP BY fleet, model, ten HAVING avg(status) < 1) AS parts GROUP BY fleet, model, day`,
    ),
    'breakdown-frequency': breakdowns,
  };
}

/** Times as Unix seconds, so that both sides say the same. */
const plain = (value) => (typeof value === 'string' && /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) / 1000 : value);
const isSame = (a, b) => a === b || (typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(b)));

/** What differs between two answers in any order: counts are the same, averages to 1e-9. Undefined: nothing. */
export function differenceOf(found, wanted) {
  const sorted = (rows) => rows.map((row) => row.map(plain)).sort((a, b) => (`${a.slice(0, 3)}` < `${b.slice(0, 3)}` ? -1 : 1));
  const [ours, theirs] = [sorted(found), sorted(wanted)];
  if (ours.length !== theirs.length) return `${ours.length} rows, not ${theirs.length}`;
  for (let i = 0; i < ours.length; i++) {
    if (!ours[i].every((value, j) => isSame(value, theirs[i][j]))) return `row ${i}: ${ours[i]} is not ${theirs[i]}`;
  }
  return undefined;
}
