import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** An object as `kubectl apply` would send it. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

interface Model {
  /** Throws what its published schema says is wrong. */
  validate(): void;
}

export async function kustomize(kubectl: string, folder: string): Promise<readonly KubernetesObject[]> {
  const { stdout } = await run(kubectl, ['kustomize', folder], { cwd: ROOT });
  return parseAllDocuments(stdout).map((document): KubernetesObject => document.toJS());
}

/** Module that carries the schemas of an API group and version. */
function schemaModule(apiVersion: string): string {
  return apiVersion.startsWith('traefik.io/')
    ? `@kubernetes-models/traefik/${apiVersion}`
    : `kubernetes-models/${apiVersion}`;
}

/** What is wrong with an object by its published schema; undefined when nothing is. */
export async function schemaError(object: KubernetesObject): Promise<string | undefined> {
  const models: Record<string, new (data: object) => Model> = await import(schemaModule(object.apiVersion));
  const SchemaModel = models[object.kind];
  if (SchemaModel === undefined) return `no schema for ${object.apiVersion} ${object.kind}`;
  try {
    new SchemaModel(object).validate();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/**
 * Lines of the compiler about fields that the published schemas do not have. The schemas' own
 * validators let unknown fields pass, as JSON Schema does; an object literal of the type does not.
 */
export async function unknownFields(objects: readonly KubernetesObject[]): Promise<readonly string[]> {
  // Inside the project, so that the packages are found.
  await mkdir(join(ROOT, '.cache'), { recursive: true });
  const folder = await mkdtemp(join(ROOT, '.cache', 'kubernetes-'));
  try {
    await writeFile(join(folder, 'objects.ts'), objects.map(typedLiteral).join('\n'));
    const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const options = ['--noEmit', '--ignoreConfig', '--strict', '--skipLibCheck', '--module', 'nodenext'];
    await run(process.execPath, [compiler, ...options, join(folder, 'objects.ts')], { cwd: ROOT });
    return [];
  } catch (error) {
    const lines = stdoutOf(error).trim();
    if (lines === '') throw error;
    return lines.split('\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What a command that failed had printed. */
function stdoutOf(error: unknown): string {
  return error instanceof Error && 'stdout' in error ? String(error.stdout) : '';
}

function typedLiteral(object: KubernetesObject, index: number): string {
  const type = `import('${schemaModule(object.apiVersion)}').I${object.kind}`;
  return `export const object${index}: ${type} = ${JSON.stringify(object, undefined, 1)};`;
}
