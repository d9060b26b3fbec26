// A form that is sent as a whole.
import { createSignal, type JSX } from 'solid-js';
import { FieldError } from './list.tsx';
import { reasonOf } from './toast.tsx';

/** The text of a field, without blanks around it. */
export type FieldText = (name: string) => string;

/** The fields are the children. While it is sent the button rests; what was refused stands above it. */
export function SentForm(props: {
  button: string;
  send: (text: FieldText, form: FormData) => Promise<unknown>;
  children: JSX.Element;
}) {
  const [error, setError] = createSignal<string>();
  const [busy, setBusy] = createSignal(false);
  const submit = async (event: SubmitEvent & { currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    setError(undefined);
    try {
      await props.send((name) => String(form.get(name) ?? '').trim(), form);
    } catch (problem) {
      setError(reasonOf(problem));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="form" onSubmit={submit}>
      {props.children}
      <FieldError text={error()} />
      <button class="button primary" disabled={busy()}>
        {props.button}
      </button>
    </form>
  );
}
