import { Component, createRef, type JSX, type TargetedEvent } from 'preact';
import { ExplanationView } from './explanation-view.js';
import type { Inquiry, InquiryState } from './inquiry.js';
import type { Field } from './question.js';

interface ExplainBoxProps {
  readonly inquiry: Inquiry;
  readonly state: InquiryState;
}

const USUAL_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'];

/** Nothing in it is prose, and none of it is for the browser to remember. */
const PLAIN = { autocomplete: 'off', autocapitalize: 'none', spellcheck: false } as const;

/** Asks where a request would go, and shows the answer. What happens elsewhere on the page draws nothing of it again. */
export class ExplainBox extends Component<ExplainBoxProps> {
  readonly #url = createRef<HTMLInputElement>();

  override componentDidMount(): void {
    this.#summon();
  }

  override componentDidUpdate({ state }: ExplainBoxProps): void {
    if (state.summoned !== this.props.state.summoned) this.#summon();
  }

  override shouldComponentUpdate({ state }: ExplainBoxProps): boolean {
    return state !== this.props.state;
  }

  /** Whoever opened it goes on writing, at the end of what stands there. */
  #summon(): void {
    const input = this.#url.current;
    input?.focus();
    input?.setSelectionRange(input.value.length, input.value.length);
  }

  readonly #onSubmit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void this.props.inquiry.ask();
  };

  readonly #onClose = (): void => {
    this.props.inquiry.close();
    document.getElementById('explain-open')?.focus();
  };

  override render({ state }: ExplainBoxProps): JSX.Element {
    const { asking, complaint, answer } = state;
    return (
      <section class="card explain" aria-labelledby="explain-title">
        <header>
          <h2 id="explain-title">Explain a request</h2>
          <p class="faint">Where it would go, and why. Nothing is sent.</p>
          <button type="button" class="small" onClick={this.#onClose}>
            Close
          </button>
        </header>
        <form onSubmit={this.#onSubmit} aria-labelledby="explain-title">
          {this.#fields()}
          <button type="submit" aria-disabled={asking}>
            {asking ? 'Asking…' : 'Explain'}
          </button>
        </form>
        <p class="complaint bad" role="alert" id="explain-complaint">
          {complaint?.text}
        </p>
        <ExplanationView answer={answer} />
      </section>
    );
  }

  #fields(): JSX.Element {
    return (
      <>
        <label class="method">
          Method
          <input {...this.#field('method')} list="explain-methods" />
        </label>
        <datalist id="explain-methods">
          {USUAL_METHODS.map((method) => (
            <option key={method} value={method} />
          ))}
        </datalist>
        <label class="url">
          URL
          <input {...this.#field('url')} ref={this.#url} required placeholder="/path?query" />
        </label>
        <label class="headers">
          Headers, one a line
          <textarea {...this.#field('headers')} rows={2} placeholder="Host: shop.example" />
        </label>
        <label class="client">
          Client address
          <input {...this.#field('client')} placeholder="127.0.0.1" />
        </label>
        <label class="at">
          At a past moment
          <input {...this.#field('at')} placeholder="10m ago, 11:47:00" />
        </label>
      </>
    );
  }

  #field(name: Field) {
    const { state, inquiry } = this.props;
    const wrong = state.complaint?.field === name;
    return {
      ...PLAIN,
      name,
      value: state.draft[name],
      onInput: (event: TargetedEvent<HTMLInputElement | HTMLTextAreaElement>) =>
        inquiry.write({ [name]: event.currentTarget.value }),
      'aria-invalid': wrong,
      'aria-describedby': wrong ? 'explain-complaint' : undefined,
    };
  }
}
