// The icons: strokes on a 24 x 24 grid, coloured by the text around them.

const PATHS = {
  overview: 'M4 5h7v6H4zM13 5h7v4h-7zM13 11h7v8h-7zM4 13h7v6H4z',
  alarms: 'M12 4a5 5 0 0 1 5 5v4l2 3H5l2-3V9a5 5 0 0 1 5-5zM10 19a2 2 0 0 0 4 0',
  things: 'M5 6h14M5 12h14M5 18h14',
  rules: 'M6 5v6a4 4 0 0 0 4 4h8M15 12l3 3-3 3M6 5l-2 2M6 5l2 2',
  connections: 'M7 7l5 5M17 7l-5 5M12 12v6M5 5h4v4H5zM15 5h4v4h-4zM10 16h4v4h-4z',
  certificates: 'M12 3l7 3v5c0 5-3 8-7 10-4-2-7-5-7-10V6zM9 12l2 2 4-4',
  query: 'M12 4c4 0 7 1.100 7 2.500S16 9 12 9 5 7.900 5 6.500 8 4 12 4zM5 6.500v11C5 18.900 8 20 12 20s7-1.100 7-2.500v-11M5 12c0 1.400 3 2.500 7 2.500s7-1.100 7-2.500',
  status: 'M3 13h4l2-7 4 13 3-9 1.500 3H21',
  search: 'M11 5a6 6 0 1 1 0 12 6 6 0 0 1 0-12zM15.500 15.500 20 20',
  sun: 'M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600 7 7M17 17l1.400 1.400M5.600 18.400 7 17M17 7l1.400-1.400',
  moon: 'M19 14.500A7.500 7.500 0 0 1 9.500 5a7.500 7.500 0 1 0 9.500 9.500z',
  out: 'M14 5h5v14h-5M4 12h10M10 8l4 4-4 4',
  back: 'M11 6l-6 6 6 6M5 12h14',
  pause: 'M8 5v14M16 5v14',
  play: 'M8 5l11 7-11 7z',
  copy: 'M9 9h10v11H9zM15 9V4H5v11h4',
  check: 'M5 12.500 10 17.500 19 7',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  help: 'M9 9a3 3 0 1 1 4 2.800c-.800.400-1 1-1 2.200M12 17.500v.200',
  key: 'M14 10a4 4 0 1 0-3 3.900V16h3v3h4v-3l-4.500-4.500z',
  trash: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
  camera: 'M4 8h3l2-3h6l2 3h3v11H4zM12 10a3.500 3.500 0 1 1 0 7 3.500 3.500 0 0 1 0-7z',
  device: 'M5 5h14v14H5zM9 9h6v6H9zM9 2v3M15 2v3M9 19v3M15 19v3',
  command: 'M5 7l5 5-5 5M12 18h7',
  save: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  down: 'M6 9l6 6 6-6',
  lock: 'M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3',
  person: 'M12 4a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM4.500 20a7.500 7.500 0 0 1 15 0',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon(props: { name: IconName; class?: string }) {
  return (
    <svg class={`icon ${props.class ?? ''}`} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[props.name]} />
    </svg>
  );
}
