/** Variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type Substitution = { readonly text: string } | { readonly problem: string };

const REFERENCE = /\$(\$?)\{([^}]*)(\}?)/g;
const BODY = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}` in one value; the default also stands in for an empty
 * variable, as in a shell. `$${` is a literal `${`. What a variable holds is not looked at again.
 */
export function substitute(text: string, environment: Environment): Substitution {
  let problem: string | undefined;
  const replaced = text.replace(REFERENCE, (whole, dollar: string, body: string, close: string) => {
    if (dollar !== '') return whole.slice(1);
    const value = close === '' ? { problem: `has "\${" without "}"` } : lookUp(body, environment);
    if ('text' in value) return value.text;
    problem ??= value.problem;
    return '';
  });
  return problem === undefined ? { text: replaced } : { problem };
}

/** Whether a value is nothing but a variable, and that one is not set. */
export function isUnset(text: string, environment: Environment): boolean {
  const [, body = ''] = /^\$\{([^}]*)\}$/.exec(text) ?? [];
  const [, name, fallback] = BODY.exec(body) ?? [];
  return name !== undefined && fallback === undefined && environment[name] === undefined;
}

function lookUp(body: string, environment: Environment): Substitution {
  const [, name, fallback] = BODY.exec(body) ?? [];
  if (name === undefined) return { problem: `has "\${${body}}"; wanted \${NAME} or \${NAME:-default}` };
  const value = environment[name];
  if (fallback !== undefined) return { text: value || fallback };
  if (value === undefined) {
    return {
      problem: `environment variable ${name} is not set; \${${name}:-default} would give it a default`,
    };
  }
  return { text: value };
}
