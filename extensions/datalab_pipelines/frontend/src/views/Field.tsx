import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

interface IFieldProps {
  label: string;
  value: string;
  wrong?: string;
  hint?: string;
  placeholder?: string;
  className?: string;
  hideLabel?: boolean;
  code?: boolean;
  lines?: number;
  disabled?: boolean;
  /** Called when a person has finished: with Enter, or by going elsewhere. */
  commit: (value: string) => void;
}

/** A text that takes effect when a person has finished it; what is wrong with it stands below. */
export function Field(props: IFieldProps): React.ReactElement {
  const [draft, setDraft] = React.useState(props.value);
  const sent = React.useRef(props.value);
  const id = React.useId();
  React.useEffect(() => {
    setDraft(props.value);
    sent.current = props.value;
  }, [props.value]);
  const finish = () => {
    const value = draft.trim();
    if (value !== sent.current || props.wrong) {
      sent.current = value;
      props.commit(value);
    }
  };
  const shared = {
    id,
    value: draft,
    disabled: props.disabled,
    placeholder: props.placeholder,
    spellCheck: false,
    'aria-invalid': Boolean(props.wrong),
    'aria-describedby': props.wrong || props.hint ? `${id}-more` : undefined,
    className: `jp-mod-styled datalab-Export-input ${props.code ? 'datalab-mod-code' : ''}`,
    onBlur: finish
  };
  const keys = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      finish();
    } else if (event.key === 'Escape' && draft !== props.value) {
      event.stopPropagation();
      setDraft(props.value);
    }
  };
  return (
    <div className={`datalab-Export-field ${props.className ?? ''}`}>
      <label htmlFor={id} className={props.hideLabel ? 'datalab-Export-unseen' : undefined}>
        {props.label}
      </label>
      {props.lines ? (
        <textarea {...shared} rows={props.lines} onChange={event => setDraft(event.target.value)} />
      ) : (
        <input {...shared} type="text" onKeyDown={keys} onChange={event => setDraft(event.target.value)} />
      )}
      <More id={`${id}-more`} wrong={props.wrong} hint={props.hint} />
    </div>
  );
}

export function More(props: { id: string; wrong?: string; hint?: string }): React.ReactElement | null {
  if (props.wrong) {
    return (
      <span id={props.id} className="datalab-Export-wrong" role="alert">
        {props.wrong}
      </span>
    );
  }
  return props.hint ? (
    <span id={props.id} className="datalab-Export-hint">
      {props.hint}
    </span>
  ) : null;
}

/** An on/off switch with its text. */
export function Switch(props: {
  label: string;
  hint?: string;
  checked: boolean;
  disabled?: boolean;
  change: (checked: boolean) => void;
}): React.ReactElement {
  const id = React.useId();
  return (
    <label className="datalab-Export-switch">
      <input
        type="checkbox"
        role="switch"
        checked={props.checked}
        disabled={props.disabled}
        aria-describedby={props.hint ? id : undefined}
        onChange={event => props.change(event.target.checked)}
      />
      <span className="datalab-Export-switchTrack" aria-hidden="true" />
      <span>
        <span>{props.label}</span>
        {props.hint && (
          <span id={id} className="datalab-Export-hint">
            {props.hint}
          </span>
        )}
      </span>
    </label>
  );
}

/** A button that shows an icon only; its label is its tooltip. */
export function IconButton(props: {
  label: string;
  icon: LabIcon;
  disabled?: boolean;
  expanded?: boolean;
  controls?: string;
  click: () => void;
}): React.ReactElement {
  return (
    <button
      type="button"
      className="datalab-Export-iconButton"
      title={props.label}
      aria-label={props.label}
      aria-expanded={props.expanded}
      aria-controls={props.controls}
      disabled={props.disabled}
      onClick={props.click}
    >
      <props.icon.react tag="span" />
    </button>
  );
}
