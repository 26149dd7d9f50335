import type { JSX } from 'preact';

const WIDTH = 72;
const HEIGHT = 20;
/** A minute of samples from edge to edge, so that all sparklines share one time axis. */
const SLOTS = 60;
/** Room for half of the stroke. */
const MARGIN = 1.5;

interface SparklineProps {
  readonly values: readonly number[];
  /** The same number of them, and none below its value: a second line above the first. */
  readonly upper: readonly number[];
}

/**
 * A minute of two values, newest at the right edge. Its scale begins at 0 and ends at the highest of them:
 * it shows the shape, and the numbers beside it the size. Where room is short it is squeezed. Nothing to read for
 * a screen reader.
 */
export function Sparkline({ values, upper }: SparklineProps): JSX.Element {
  const highest = Math.max(...upper, ...values, 0);
  const [points, above] = [pathOf(values, highest), pathOf(upper, highest)];
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      width={WIDTH}
      height={HEIGHT}
      aria-hidden="true"
    >
      {points !== '' && <path class="area" d={`${points}V${HEIGHT}H${startOf(values)}Z`} />}
      {above !== '' && <path class="upper" d={above} />}
      {points !== '' && <path class="line" d={points} />}
    </svg>
  );
}

function startOf(values: readonly number[]): number {
  return round(WIDTH - MARGIN - (values.length - 1) * step());
}

function step(): number {
  return (WIDTH - 2 * MARGIN) / (SLOTS - 1);
}

function pathOf(values: readonly number[], highest: number): string {
  if (highest === 0 || values.length < 2) return '';
  const start = startOf(values);
  return values
    .map((value, index) => {
      const y = HEIGHT - MARGIN - (value / highest) * (HEIGHT - 2 * MARGIN);
      return `${index === 0 ? 'M' : 'L'}${round(start + index * step())} ${round(y)}`;
    })
    .join('');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
