// Buttons of things that cannot be undone: each asks before it is done.
import { createSignal, Index, Show } from 'solid-js';
import { t } from '../i18n/index.ts';
import { Icon, type IconName } from './icon.tsx';

export interface Deed {
  label: string;
  icon: IconName;
  /** What happens, for a person who is to say yes; without it nothing is asked. */
  sure?: string;
  quiet?: boolean;
  run: () => unknown;
}

export function Deeds(props: { deeds: Deed[] }) {
  // By label: the deeds are made anew whenever what they are about has changed.
  const [asked, setAsked] = createSignal<string | undefined>();
  const sure = () => props.deeds.find((deed) => deed.label === asked());
  const press = (deed: Deed) => (deed.sure ? setAsked(deed.label) : void deed.run());
  const agree = (deed: Deed) => {
    setAsked(undefined);
    void deed.run();
  };
  return (
    <div class="ending">
      <Show
        when={sure()}
        fallback={
          <Index each={props.deeds}>
            {(deed) => (
              <button
                type="button"
                class="button"
                classList={{ quiet: deed().quiet === true }}
                onClick={() => press(deed())}
              >
                <Icon name={deed().icon} />
                {deed().label}
              </button>
            )}
          </Index>
        }
      >
        {(deed) => (
          <>
            <p>{deed().sure}</p>
            <button
              type="button"
              class="button danger"
              ref={(button) => queueMicrotask(() => button.focus())}
              onClick={() => agree(deed())}
            >
              {t('session.sure')}
            </button>
            <button type="button" class="button quiet" onClick={() => setAsked(undefined)}>
              {t('cancel')}
            </button>
          </>
        )}
      </Show>
    </div>
  );
}
