import { barX, dot, plot, ruleX, text as textMark } from '@observablehq/plot';

/** How each time in a key's life is drawn: by its place and form as well as by its colour. */
export const LOOKS = {
  current: { label: 'current key', fill: 'var(--line-current)', inset: 0 },
  coming: { label: 'until the next rotation', fill: 'var(--line-coming)', inset: 0.3 },
  grace: { label: 'old key, in grace', fill: 'url(#hatch)', inset: 0.12 },
  retiring: { label: 'old key, grace over', fill: 'var(--line-retiring)', inset: 0.26 },
  disabled: { label: 'disabled', fill: 'url(#dots)', inset: 0.28 },
  dead: { label: 'dead', fill: 'url(#cross)', inset: 0 },
} as const;
export type Look = keyof typeof LOOKS;

/** What a drawing shows, in epoch milliseconds. */
export interface Drawing {
  width: number;
  laneHeight: number;
  lanes: readonly string[];
  fromMs: number;
  untilMs: number;
  /** Null where now is of no matter. */
  nowMs: number | null;
  spans: readonly { lane: string; fromMs: number; untilMs: number; look: Look; title: string }[];
  marks: readonly {
    lane: string;
    atMs: number;
    symbol: (typeof SYMBOLS)[number];
    stroke: string;
    title: string;
  }[];
  /** The same in words: whoever cannot see it is told that. */
  label: string;
  /** Names of the lanes, and the dates; null for neither. */
  axes: { laneNames: readonly string[]; marginLeft: number } | null;
}

const ns = 'http://www.w3.org/2000/svg';

/** Draws lives of keys on one axis of time. */
export function draw(drawing: Drawing): Element {
  const { width, laneHeight, lanes, axes, label } = drawing;
  const [marginTop, marginBottom] = axes ? [6, 24] : [1, 1];
  const figure = plot({
    className: 'plot',
    width,
    height: lanes.length * laneHeight + marginTop + marginBottom,
    marginTop,
    marginBottom,
    marginLeft: axes?.marginLeft ?? 0,
    marginRight: axes ? 12 : 0,
    ariaLabel: label,
    x: {
      type: 'utc',
      domain: [new Date(drawing.fromMs), new Date(drawing.untilMs)],
      axis: axes ? 'bottom' : null,
      label: null,
      grid: axes !== null,
      ticks: Math.max(Math.floor((width - (axes?.marginLeft ?? 0)) / 90), 2),
    },
    y: { type: 'band', domain: lanes, axis: null, padding: 0.15 },
    marks: [...spanMarks(drawing), ...pointMarks(drawing), ...laneNames(drawing)],
  });
  // Its style rules stand in report.css: the page allows none that come with a drawing.
  for (const style of figure.querySelectorAll('style')) style.remove();
  figure.setAttribute('role', 'img');
  // The whole is one image with a name: its parts have none.
  for (const named of figure.querySelectorAll('[aria-label]')) named.removeAttribute('aria-label');
  return figure;
}

function spanMarks({ spans, laneHeight, nowMs }: Drawing) {
  const bars = Object.entries(LOOKS).flatMap(([look, { fill, inset }]) => {
    const own = spans.filter((one) => one.look === look);
    const common = {
      x1: 'fromMs',
      x2: 'untilMs',
      y: 'lane',
      title: 'title',
      insetTop: inset * laneHeight,
      insetBottom: inset * laneHeight,
    };
    return own.length === 0 ? [] : [barX(own, { ...common, fill, rx: 1.5 })];
  });
  return nowMs === null ? bars : [...bars, ruleX([nowMs], { stroke: 'var(--line-now)', strokeWidth: 1.5 })];
}

const SYMBOLS = ['diamond2', 'times', 'circle', 'triangle2'] as const;

function pointMarks({ marks }: Drawing) {
  return SYMBOLS.flatMap((symbol) => {
    const own = marks.filter((one) => one.symbol === symbol);
    const common = { x: 'atMs', y: 'lane', title: 'title', stroke: 'stroke', fill: 'var(--surface)' } as const;
    return own.length === 0 ? [] : [dot(own, { ...common, symbol, strokeWidth: 1.75, r: 4 })];
  });
}

const laneNames = ({ axes, lanes }: Drawing) =>
  axes === null
    ? []
    : [
        textMark(lanes, {
          y: (lane: string) => lane,
          text: (_: string, place: number) => axes.laneNames[place] ?? '',
          frameAnchor: 'left',
          textAnchor: 'end',
          dx: -8,
          fill: 'currentColor',
        }),
      ];

/** What the drawings fill their forms with; once a page. */
export function patterns(): SVGSVGElement {
  const svg = element('svg', { width: '0', height: '0', 'aria-hidden': 'true', class: 'patterns' });
  const defs = svg.appendChild(element('defs', {}));
  const hatch = pattern('hatch', 6);
  hatch.append(
    element('rect', { width: '6', height: '6', fill: 'var(--line-grace-soft)' }),
    element('path', { d: 'M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2', stroke: 'var(--line-grace)', 'stroke-width': '1.6' }),
  );
  const dots = pattern('dots', 5);
  dots.append(
    element('rect', { width: '5', height: '5', fill: 'var(--line-disabled-soft)' }),
    element('circle', { cx: '2.5', cy: '2.5', r: '1.1', fill: 'var(--line-disabled)' }),
  );
  const cross = pattern('cross', 7);
  cross.append(
    element('rect', { width: '7', height: '7', fill: 'var(--critical-soft)' }),
    element('path', { d: 'M0,0 l7,7 M7,0 l-7,7', stroke: 'var(--critical)', 'stroke-width': '1.3' }),
  );
  defs.append(hatch, dots, cross);
  return svg;
}

const pattern = (id: string, size: number): SVGPatternElement =>
  element('pattern', { id, width: String(size), height: String(size), patternUnits: 'userSpaceOnUse' });

function element<Tag extends keyof SVGElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>>,
): SVGElementTagNameMap[Tag] {
  const made = document.createElementNS(ns, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
