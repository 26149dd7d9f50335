import { messageOf } from '../core/errors.js';
import type { Path } from '../files/yaml-file.js';

interface StandardIssue {
  readonly message: string;
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined;
}

type StandardResult<T> =
  | { readonly value: T; readonly issues?: undefined }
  | { readonly issues: readonly StandardIssue[] };

/** What zod, valibot, arktype and others have in common (standardschema.dev, version 1); the part that is used here. */
export interface StandardSchema<T> {
  readonly '~standard': {
    readonly validate: (value: unknown) => StandardResult<T> | Promise<StandardResult<T>>;
  };
}

/** Makes a typed value of plain data. A function throws what is wrong, in a message for people. */
export type ValueSchema<T> = StandardSchema<T> | ((value: unknown) => T | Promise<T>);

export interface ValueIssue {
  readonly path: Path;
  readonly message: string;
}

export type Validation<T> = { readonly value: T } | { readonly issues: readonly ValueIssue[] };

/** Never rejects: a schema that throws has an issue with the value. */
export async function validate<T>(schema: ValueSchema<T>, data: unknown): Promise<Validation<T>> {
  try {
    // First, for the schemas of some libraries are functions too.
    if (!('~standard' in schema)) return { value: await schema(data) };
    const result = await schema['~standard'].validate(data);
    return result.issues === undefined ? { value: result.value } : { issues: result.issues.map(plainIssue) };
  } catch (error) {
    return { issues: [{ path: [], message: messageOf(error) }] };
  }
}

function plainIssue({ message, path = [] }: StandardIssue): ValueIssue {
  return { message, path: path.map((step) => (typeof step === 'object' ? step.key : step)) };
}
