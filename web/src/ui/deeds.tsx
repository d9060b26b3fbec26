// Buttons of things that cannot be undone: each asks before it is done.
import { createSignal, Index, Show } from 'solid-js';
import { t } from '../i18n/index.ts';
import { Icon, type IconName } from './icon.tsx';

export interface Deed {
  label: string;
  icon: IconName;
  /** What happens, for a person who is to say yes; without it nothing is asked. */
  sure?: string;
  /** Asks for a reason beside that; whoever says yes may leave it empty. */
  reason?: string;
  quiet?: boolean;
  /** What can be undone is not as loud. */
  tone?: 'plain';
  run: (reason: string) => unknown;
}
const MAX_REASON = 256;

/** While one is under way the buttons rest. */
export function Deeds(props: { deeds: Deed[] }) {
  // By label: the deeds are made anew whenever what they are about has changed.
  const [asked, setAsked] = createSignal<string | undefined>();
  const [working, setWorking] = createSignal(false);
  let box!: HTMLDivElement;
  const sure = () => props.deeds.find((deed) => deed.label === asked());
  const start = async (deed: Deed, reason: string) => {
    setAsked(undefined);
    setWorking(true);
    try {
      await deed.run(reason);
    } finally {
      setWorking(false);
    }
  };
  const press = (deed: Deed) => (deed.sure ? setAsked(deed.label) : void start(deed, ''));
  const agree = (event: SubmitEvent & { currentTarget: HTMLFormElement }, deed: Deed) => {
    event.preventDefault();
    void start(deed, String(new FormData(event.currentTarget).get('reason') ?? '').trim());
  };
  const leave = () => {
    setAsked(undefined);
    queueMicrotask(() => box.querySelector('button')?.focus());
  };
  const focus = (element: HTMLElement) => queueMicrotask(() => element.focus());
  return (
    <div class="ending" ref={box}>
      <Show
        when={sure()}
        fallback={
          <>
            <Index each={props.deeds}>
              {(deed) => (
                <button
                  type="button"
                  class="button"
                  classList={{ quiet: deed().quiet === true }}
                  disabled={working()}
                  onClick={() => press(deed())}
                >
                  <Icon name={deed().icon} />
                  {deed().label}
                </button>
              )}
            </Index>
            <Show when={working()}>
              <span class="quiet-text" role="status">
                {t('working')}
              </span>
            </Show>
          </>
        }
      >
        {(deed) => (
          <form onSubmit={(event) => agree(event, deed())}>
            <p>{deed().sure}</p>
            <Show when={deed().reason}>
              {(label) => (
                <label>
                  {label()}
                  <input name="reason" maxlength={MAX_REASON} autocomplete="off" ref={focus} />
                </label>
              )}
            </Show>
            <button
              class="button"
              classList={{ danger: deed().tone === undefined, primary: deed().tone === 'plain' }}
              ref={(button) => !deed().reason && focus(button)}
            >
              {t('session.sure')}
            </button>
            <button type="button" class="button quiet" onClick={leave}>
              {t('cancel')}
            </button>
          </form>
        )}
      </Show>
    </div>
  );
}
