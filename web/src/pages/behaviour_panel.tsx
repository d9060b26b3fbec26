// What a thing does now beside what it may do before it is held to behave oddly.
import { createResource, createSignal, For, Show } from 'solid-js';
import { behaviour, MEASURES, RESPONSES, type Behaviour, type Limits, type Measure } from '../api_life.ts';
import { t } from '../i18n/index.ts';
import { formatBytes, formatCount } from '../lib/format.ts';
import { keepRows, whileSeen } from '../state/polling.ts';
import { may } from '../state/session.ts';
import { Dialog } from '../ui/dialog.tsx';
import { SentForm, type FieldText } from '../ui/form.tsx';
import { Loading, Problem } from '../ui/parts.tsx';
import { reasonOf } from '../ui/toast.tsx';

const MAX_LIMIT = 2 ** 40;

const amount = (measure: Measure, value: number): string =>
  measure.includes('bytes') ? formatBytes(value) : formatCount(value);

/** "1,000" or "no limit". */
export const limitText = (measure: Measure, limit: number | undefined): string =>
  limit ? amount(measure, limit) : t('behaviour.unlimited');

/** The limits of one scope; what is left empty is as the wider scope has it. */
export function LimitsForm(props: { scope: string; own: Limits; onDone: () => void }) {
  const send = async (text: FieldText) => {
    const limits: Limits = {};
    for (const measure of MEASURES) if (text(measure) !== '') limits[measure] = Number(text(measure));
    const response = RESPONSES.find((one) => one === text('response'));
    if (response) limits.response = response;
    if (Object.keys(limits).length > 0) await behaviour.put(props.scope, limits);
    else if (Object.keys(props.own).length > 0) await behaviour.remove(props.scope);
    props.onDone();
  };
  return (
    <SentForm button={t('save')} send={send}>
      <p class="quiet-text">{t('behaviour.form')}</p>
      <For each={MEASURES}>
        {(measure) => (
          <label>
            {t(`behaviour.${measure}`)}
            <input
              name={measure}
              type="number"
              min="0"
              max={MAX_LIMIT}
              step="1"
              value={props.own[measure] ?? ''}
              placeholder={t('behaviour.inherit')}
            />
          </label>
        )}
      </For>
      <label>
        {t('behaviour.response')}
        <select name="response">
          <option value="">{t('behaviour.inherit')}</option>
          <For each={RESPONSES}>
            {(response) => (
              <option value={response} selected={props.own.response === response}>
                {t(`behaviour.response.${response}`)}
              </option>
            )}
          </For>
        </select>
      </label>
    </SentForm>
  );
}

function Use(props: { measure: Measure; limit: number; used: number }) {
  return (
    <Show when={props.used > 0} fallback={<span class="quiet-text">{t(`behaviour.calm.${props.measure}`)}</span>}>
      {amount(props.measure, props.used)}
      <Show when={props.limit > 0}>
        <meter
          min="0"
          max={props.limit}
          high={props.limit * 0.75}
          optimum="0"
          value={Math.min(props.used, props.limit)}
          aria-label={t(`behaviour.${props.measure}`)}
        />
      </Show>
    </Show>
  );
}

function Table(props: { known: Behaviour }) {
  return (
    <table class="behaviour">
      <thead>
        <tr>
          <th>{t('behaviour.what')}</th>
          <th>{t('behaviour.limit')}</th>
          <th>{t('behaviour.now')}</th>
        </tr>
      </thead>
      <tbody>
        <For each={MEASURES}>
          {(measure) => (
            <tr>
              <td>{t(`behaviour.${measure}`)}</td>
              <td class="number">
                {limitText(measure, props.known.in_force[measure])}
                <Show when={props.known.own[measure] !== undefined}>
                  <small class="quiet-text"> {t('behaviour.own')}</small>
                </Show>
              </td>
              <td class="number">
                <Use measure={measure} limit={props.known.in_force[measure] ?? 0} used={props.known.use[measure]} />
              </td>
            </tr>
          )}
        </For>
      </tbody>
    </table>
  );
}

export function BehaviourPanel(props: { thing: string }) {
  const [known, { refetch }] = createResource(() => props.thing, behaviour.use, { storage: keepRows('thing') });
  const [edits, setEdits] = createSignal(false);
  whileSeen(refetch);
  return (
    <section class="panel behaviour-panel">
      <header class="section-head">
        <h2>{t('behaviour')}</h2>
        <Show when={may('things:write')}>
          <button type="button" class="button small" onClick={() => setEdits(true)}>
            {t('behaviour.edit')}
          </button>
        </Show>
      </header>
      <Show when={!known.error} fallback={<Problem text={reasonOf(known.error)} retry={() => void refetch()} />}>
        <Show when={known.latest} fallback={<Loading />}>
          {(at) => (
            <>
              <Table known={at()} />
              <p class="quiet-text small">
                {t('behaviour.past')} {t(`behaviour.response.${at().in_force.response ?? 'quarantine'}`)}.
              </p>
              <Show when={edits()}>
                <Dialog title={t('behaviour.of', { name: props.thing })} onClose={() => setEdits(false)}>
                  <LimitsForm
                    scope={`thing:${props.thing}`}
                    own={{ ...at().own }}
                    onDone={() => {
                      setEdits(false);
                      void refetch();
                    }}
                  />
                </Dialog>
              </Show>
            </>
          )}
        </Show>
      </Show>
    </section>
  );
}
