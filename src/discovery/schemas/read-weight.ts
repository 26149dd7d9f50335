/** Pickers add weights up and divide by them: beyond these nothing sensible is meant. */
const LEAST = 0.001;
const MOST = 1_000_000;

/**
 * A framework's weight on our scale, on which 1 is usual: services of two frameworks, or old and new
 * registrations of one, then share traffic as equals unless somebody said otherwise. What is not a number
 * above 0 counts as the usual weight, as it does to kitex's own resolver.
 */
export function relativeWeight(given: unknown, usual: number): number {
  const weight = typeof given === 'string' ? decimal(given) : given;
  return typeof weight === 'number' && weight > 0 ? boundedWeight(weight / usual) : 1;
}

/** A weight above 0, kept within what can be calculated with. */
export function boundedWeight(weight: number): number {
  return Math.min(MOST, Math.max(LEAST, weight));
}

function decimal(text: string): number | undefined {
  return /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined;
}
