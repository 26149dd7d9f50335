/** How a family of registrars lays out its keys and values; docs/schemas.md tells of each. */
export const SCHEMA_NAMES = [
  'plain',
  'single-key',
  'grpc-naming',
  'go-zero',
  'kratos',
  'kitex',
  'hertz',
  'go-micro',
  'rpcx',
  'watchgate',
] as const;

export type SchemaName = (typeof SCHEMA_NAMES)[number];

/** What `schema:` of a registry may say. `auto` recognises each key on its own. */
export const SCHEMA_CHOICES = ['auto', ...SCHEMA_NAMES] as const;

export type SchemaChoice = (typeof SCHEMA_CHOICES)[number];
