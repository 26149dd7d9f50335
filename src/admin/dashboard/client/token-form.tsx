import type { JSX, TargetedEvent } from 'preact';

interface TokenFormProps {
  readonly wrong: boolean;
  readonly onToken: (token: string) => void;
}

export function TokenForm({ wrong, onToken }: TokenFormProps): JSX.Element {
  const submit = (event: TargetedEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const token = new FormData(event.currentTarget).get('token');
    if (typeof token === 'string') onToken(token.trim());
  };
  return (
    <form class="card unlock" onSubmit={submit}>
      <h2>Admin token</h2>
      <p id="token-help" role="status">
        {wrong
          ? 'That token is not right.'
          : 'This gateway shows itself only to those who have its admin token.'}
      </p>
      <input
        name="token"
        type="password"
        aria-label="Admin token"
        aria-describedby="token-help"
        aria-invalid={wrong}
        autocomplete="current-password"
        required
      />
      <button type="submit">Open</button>
    </form>
  );
}
