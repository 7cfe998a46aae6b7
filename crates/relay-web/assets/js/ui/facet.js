/** A filter: a button that opens a searchable list to choose any number of values from. */

import { useEffect, useId, useRef, useState } from '../../vendor/preact-hooks.mjs';
import { format, t } from '../i18n.js';
import { choose } from '../state/page.js';
import { html } from './html.js';
import { Icon } from './icons.js';

/** @typedef {import('../logic/search.js').Facet} Facet */
/** @typedef {import('../logic/search.js').Option} Option */

/** Options drawn at once; the list's own search reaches the others. */
const MOST = 200;
const TOUCH = matchMedia('(hover: none)');

/** @param {Facet} facet @param {string} label */
export function optionLabel(facet, label) {
  const known = t(`category.${label}`);
  return facet === 'category' && known !== `category.${label}` ? known : label;
}

/** @param {{facet: Facet, options: readonly Option[], chosen: readonly string[]}} props */
export function FacetFilter({ facet, options, chosen }) {
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState('');
  const root = useRef(/** @type {HTMLElement|null} */ (null));
  const button = useRef(/** @type {HTMLElement|null} */ (null));
  const id = useId();
  useEffect(() => {
    if (!open) return undefined;
    /** @param {Event} event */
    const outside = (event) => {
      const [own, other] = [root.current, event.target];
      // A click on a label's text gives the focus to `main`, which holds this list: that is not leaving it.
      const around = event.type === 'focusin' && other instanceof Node && other.contains(own);
      if (other instanceof Node && !own?.contains(other) && !around) setOpen(false);
    };
    /** @param {KeyboardEvent} event */
    const escape = (event) => {
      if (event.key !== 'Escape') return;
      setOpen(false);
      button.current?.focus();
    };
    // On a touch screen the keyboard would cover the list.
    if (!TOUCH.matches) root.current?.querySelector('input')?.focus({ preventScroll: true });
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    document.addEventListener('keydown', escape);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
      document.removeEventListener('keydown', escape);
    };
  }, [open]);

  const name = t(`filter.${facet}`);
  const picked = options.filter((option) => option.chosen);
  const words = query.trim().toLowerCase();
  const found = options.filter((option) => optionLabel(facet, option.label).toLowerCase().includes(words));
  /** @param {Option} option */
  const toggle = (option) => {
    const values = picked.map(({ value }) => value);
    choose(facet, option.chosen ? values.filter((value) => value !== option.value) : [...values, option.value]);
  };
  const value = picked.length === 0 ? '' : picked.length === 1 ? optionLabel(facet, picked[0].label) : format().count(picked.length);
  return html`<div class="facet" ref=${root}>
    <button type="button" class=${picked.length > 0 ? 'control on' : 'control'} ref=${button} aria-expanded=${open}
      aria-controls=${id} onClick=${() => setOpen(!open)}>
      <span class="clip">${name}${value && html`<b class="chosen"><bdi>${value}</bdi></b>`}</span><${Icon} name="chevron" />
    </button>
    ${open && html`<div class="panel" id=${id} role="group" aria-label=${name}>
      <div class="panel-head">
        <input type="search" placeholder=${t('filter.find')} aria-label=${t('filter.find')} value=${query} onInput=${(/** @type {any} */ event) => setQuery(event.currentTarget.value)} />
        ${chosen.length > 0 && html`<button type="button" class="quiet" onClick=${() => choose(facet, [])}>${t('filter.clear_one')}</button>`}
      </div>
      <ul class="options">
        ${found.slice(0, MOST).map((option) => html`<li key=${option.value}>
          <label class=${option.count === 0 && !option.chosen ? 'option none' : 'option'}>
            <input type="checkbox" checked=${option.chosen} onChange=${() => toggle(option)} />
            <bdi class="clip" title=${option.label}>${optionLabel(facet, option.label)}</bdi><small>${format().count(option.count)}</small>
          </label></li>`)}
        ${found.length === 0 && html`<li class="option none">${t('filter.nothing')}</li>`}
      </ul>
    </div>`}
  </div>`;
}
