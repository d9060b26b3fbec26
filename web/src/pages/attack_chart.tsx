// What was refused over time, by groups of kinds, as stacked bars.
import { createMemo, createSignal, For, Show } from 'solid-js';
import { t } from '../i18n/index.ts';
import { formatCount, formatDate } from '../lib/format.ts';
import { barsOf, groupPath, GROUPS, roundUp, type History } from '../lib/refusals.ts';

const COUNT = 60;

export function AttackChart(props: { history: History; at: number; span: 'hour' | 'day' }) {
  const [pointed, setPointed] = createSignal<number | undefined>();
  const bars = createMemo(() => barsOf(props.history, props.at, COUNT, props.span === 'hour' ? 6 : 24));
  const top = () => roundUp(bars().most);
  const sums = createMemo(() => {
    const at = pointed();
    const shown = at === undefined ? bars().bars : [bars().bars[at] ?? []];
    return GROUPS.map((_, group) => shown.reduce((sum, bar) => sum + (bar[group] ?? 0), 0));
  });
  const when = () => {
    const at = pointed();
    return at === undefined ? t(`attack.span.${props.span}`) : formatDate(bars().from + at * bars().stepMs);
  };
  const point = (event: PointerEvent & { currentTarget: SVGSVGElement }) => {
    const box = event.currentTarget.getBoundingClientRect();
    setPointed(Math.min(COUNT - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * COUNT))));
  };
  const label = () =>
    `${t('attack.chart')}: ${GROUPS.map((group, i) => `${t(`attack.group.${group}`)} ${formatCount(sums()[i]!)}`).join(', ')}`;
  return (
    <section class="panel attack-chart" aria-label={t('attack.chart')}>
      <div class="attack-legend">
        <For each={GROUPS}>
          {(group, i) => (
            <span class="chip">
              <span class={`attack-swatch attack-${group}`} aria-hidden="true" />
              {t(`attack.group.${group}`)} <b>{formatCount(sums()[i()]!)}</b>
            </span>
          )}
        </For>
        <span class="legend-time">{when()}</span>
      </div>
      <div class="attack-plot">
        <span class="attack-scale" aria-hidden="true">
          {formatCount(top())}
        </span>
        <svg
          viewBox={`0 0 ${COUNT} 100`}
          preserveAspectRatio="none"
          role="img"
          aria-label={label()}
          onPointerMove={point}
          onPointerLeave={() => setPointed(undefined)}
        >
          <path class="attack-grid" d={`M0 50H${COUNT}M0 0.5H${COUNT}`} />
          <Show when={pointed() !== undefined}>
            <rect class="attack-cursor" x={pointed()} y="0" width="1" height="100" />
          </Show>
          <For each={GROUPS}>{(group, i) => <path class={`attack-${group}`} d={groupPath(bars(), i(), top())} />}</For>
        </svg>
      </div>
      <div class="attack-times" aria-hidden="true">
        <span>{formatDate(bars().from)}</span>
        <span>{t('attack.now')}</span>
      </div>
    </section>
  );
}
