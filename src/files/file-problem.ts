/** Something wrong at one place of the file. Lines and columns count from 1. */
export interface FileProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** `routes.yaml:7:5: routes[0].prefix: must start with "/"`. */
export function formatProblem({ file, line, column, message }: FileProblem): string {
  return `${file}:${line}:${column}: ${message}`;
}

/** `routes[0].prefix: …`, so that a message can be read away from its file. */
export function named(path: readonly PropertyKey[], message: string): string {
  const name = path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? String(step) : `${text}.${String(step)}`;
  }, '');
  return name === '' ? message : `${name}: ${message}`;
}
