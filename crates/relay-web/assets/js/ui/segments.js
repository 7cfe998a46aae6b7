/** A row of choices of which one is taken. */

import { html } from './html.js';
import { Dot, Icon } from './icons.js';

/**
 * @param {{name: string, label: string, value: string, options: readonly {value: string, text: string, icon?: string, status?: number}[],
 *   pick: (value: string) => void, compact?: boolean, wrap?: boolean}} props
 */
export function Segments({ name, label, value, options, pick, compact, wrap }) {
  const looks = ['segments', compact && `compact ${name}`, wrap && 'wrap'].filter(Boolean).join(' ');
  return html`<fieldset class=${looks}>
    <legend class="hidden">${label}</legend>
    ${options.map((option) => html`<label key=${option.value} title=${option.text}>
      <input type="radio" class="hidden" name=${name} value=${option.value} checked=${option.value === value} onChange=${() => pick(option.value)} />
      <span>${option.status !== undefined && html`<${Dot} status=${option.status} />`}${option.icon && html`<${Icon} name=${option.icon} />`}<bdi class=${option.icon ? 'segment-text' : ''}>${option.text}</bdi></span>
    </label>`)}
  </fieldset>`;
}
