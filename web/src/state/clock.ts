// The time that ages are shown against: steps once a second while the page is seen.
import { createSignal } from 'solid-js';

const [now, setNow] = createSignal(Date.now());
const step = () => {
  if (document.visibilityState === 'visible') setNow(Date.now());
};
setInterval(step, 1000);
document.addEventListener('visibilitychange', step);
export { now };
