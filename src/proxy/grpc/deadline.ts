/** Milliseconds in each unit of `grpc-timeout`. */
const UNITS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The most digits that the protocol allows. */
const LARGEST = 99_999_999;

/** Milliseconds; undefined when it is absent or not of the form of the protocol (up to eight digits and a unit). */
export function readGrpcTimeout(text: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(text ?? '') ?? [];
  const factor = UNITS[unit];
  return factor === undefined ? undefined : Number(digits) * factor;
}

/** In the finest unit that it fits; never 0, which some servers take for no deadline. */
export function writeGrpcTimeout(milliseconds: number): string {
  for (const unit of ['u', 'm', 'S', 'M']) {
    const count = Math.max(1, Math.floor(milliseconds / (UNITS[unit] ?? 1)));
    if (count <= LARGEST) return `${count}${unit}`;
  }
  return `${Math.min(LARGEST, Math.floor(milliseconds / (UNITS['H'] ?? 1)))}H`;
}
