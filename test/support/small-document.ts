import { EventEmitter, once } from 'node:events';

/** The few things about a DOM element that the dashboard's script uses. */
export class SmallElement {
  readonly #document: SmallDocument;
  readonly #nodes: (SmallElement | string)[] = [];
  readonly #listeners = new Map<string, (event: { preventDefault(): void }) => void>();
  readonly attributes = new Map<string, string>();
  readonly dataset: Record<string, string> = {};
  #parent: SmallElement | undefined;
  hidden = true;
  value = '';

  constructor(document: SmallDocument) {
    this.#document = document;
  }

  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }

  append(...nodes: (SmallElement | string)[]): void {
    for (const node of nodes) this.#insert(node, this.#nodes.length);
  }

  insertBefore(node: SmallElement, before: SmallElement | null): void {
    node.remove();
    this.#insert(node, before === null ? this.#nodes.length : this.#nodes.indexOf(before));
  }

  remove(): void {
    const parent = this.#parent;
    if (parent !== undefined) parent.#nodes.splice(parent.#nodes.indexOf(this), 1);
    this.#parent = undefined;
  }

  get children(): readonly SmallElement[] {
    return this.#nodes.filter((node) => typeof node !== 'string');
  }

  get lastChild(): SmallElement | string | undefined {
    return this.#nodes.at(-1);
  }

  get textContent(): string {
    return this.#nodes.map((node) => (typeof node === 'string' ? node : node.textContent)).join('');
  }

  set textContent(text: string) {
    this.#nodes.splice(0, this.#nodes.length, text);
    this.#document.changed();
  }

  addEventListener(kind: string, listener: (event: { preventDefault(): void }) => void): void {
    this.#listeners.set(kind, listener);
  }

  emit(kind: string): void {
    this.#listeners.get(kind)?.({ preventDefault() {} });
  }

  /** What a person reads, elements apart. */
  text(): string {
    const parts = this.#nodes.map((node) => (typeof node === 'string' ? node : node.text()));
    return parts.join(' ').replace(/\s+/g, ' ').trim();
  }

  #insert(node: SmallElement | string, index: number): void {
    if (typeof node !== 'string') node.#parent = this;
    this.#nodes.splice(index, 0, node);
    this.#document.changed();
  }
}

/** A document for scripts that only build elements and set text: enough to run the dashboard's without a browser. */
export class SmallDocument {
  readonly #changes = new EventEmitter();
  readonly #byId: ReadonlyMap<string, SmallElement>;

  constructor(ids: readonly string[]) {
    this.#byId = new Map(ids.map((id) => [id, Object.assign(new SmallElement(this), { id })]));
  }

  createElement(): SmallElement {
    return new SmallElement(this);
  }

  getElementById(id: string): SmallElement | null {
    return this.#byId.get(id) ?? null;
  }

  byId(id: string): SmallElement {
    return this.#byId.get(id) ?? raise(`no element ${id}`);
  }

  changed(): void {
    this.#changes.emit('change');
  }

  /** Resolves when the script has changed the document so that `condition` holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await once(this.#changes, 'change');
      // The script goes on drawing in the same turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function raise(message: string): never {
  throw new Error(message);
}
