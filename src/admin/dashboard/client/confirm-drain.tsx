import { Component, createRef, type JSX } from 'preact';

interface ConfirmDrainProps {
  readonly service: string;
  readonly address: string;
  readonly onAnswer: (confirmed: boolean) => void;
}

/** Draining is taken back with one click, so it is asked about only when a service would be left with nothing. */
export class ConfirmDrain extends Component<ConfirmDrainProps> {
  readonly #dialog = createRef<HTMLDialogElement>();

  override componentDidMount(): void {
    this.#dialog.current?.showModal();
  }

  override render({ service, address, onAnswer }: ConfirmDrainProps): JSX.Element {
    return (
      <dialog ref={this.#dialog} aria-labelledby="confirm-title" onClose={() => onAnswer(false)}>
        <h2 id="confirm-title">Drain the last one?</h2>
        <p>
          {address} is the only endpoint of <b>{service}</b> that takes requests. Without it they are answered
          503.
        </p>
        <p class="answers">
          <button type="button" onClick={() => onAnswer(false)}>
            Keep it
          </button>
          <button type="button" class="danger" onClick={() => onAnswer(true)}>
            Drain it
          </button>
        </p>
      </dialog>
    );
  }
}
