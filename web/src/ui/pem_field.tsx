// A field for a text that is usually a file.
import { t } from '../i18n/index.ts';

const MAX_CHARACTERS = 65_536;

export function PemField(props: { name: string; label: string; begins: string }) {
  let area!: HTMLTextAreaElement;
  const take = async (file: File | undefined) => {
    if (file) area.value = (await file.slice(0, MAX_CHARACTERS).text()).trim();
  };
  return (
    <div class="pem-field">
      <label>
        {props.label}
        <textarea
          ref={area}
          name={props.name}
          class="code"
          rows="5"
          required
          maxlength={MAX_CHARACTERS}
          spellcheck={false}
          placeholder={`-----BEGIN ${props.begins}-----`}
        />
      </label>
      <label class="button small">
        {t('file.choose')}
        <span class="visually-hidden">: {props.label}</span>
        <input type="file" class="visually-hidden" onChange={(event) => void take(event.currentTarget.files?.[0])} />
      </label>
    </div>
  );
}

/** Gives the person a file to keep. */
export function saveFile(name: string, content: string | Blob): void {
  const url = URL.createObjectURL(new Blob([content], { type: 'application/octet-stream' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
