/** A modal dialog: the browser's own, which keeps the focus inside and gives it back. */

import { useEffect, useLayoutEffect, useRef } from '../../vendor/preact-hooks.mjs';
import { t } from '../i18n.js';
import { html } from './html.js';
import { Icon } from './icons.js';

/** @param {{title: any, id: string, close: () => void, children?: any}} props */
export function Dialog({ title, id, close, children }) {
  const element = useRef(/** @type {HTMLDialogElement|null} */ (null));
  useLayoutEffect(() => {
    const [node, opener] = [element.current, document.activeElement];
    if (node && !node.open) node.showModal();
    return () => {
      // While it is open nothing outside can take the focus.
      node?.close();
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus({ preventScroll: true });
    };
  }, []);
  useEffect(() => {
    document.documentElement.classList.add('covered');
    return () => document.documentElement.classList.remove('covered');
  }, []);
  /** @param {MouseEvent} event */
  const outside = (event) => {
    if (event.target === element.current) close();
  };
  /** @param {Event} event Closing is for the state to do; the element goes with it. */
  const cancel = (event) => {
    event.preventDefault();
    close();
  };
  return html`<dialog class="dialog" ref=${element} aria-labelledby=${`${id}-title`} onCancel=${cancel} onClick=${outside}>
    <div class="dialog-inside">
      <header class="dialog-head"><h2 id=${`${id}-title`} tabindex="-1" autofocus>${title}</h2>
        <button type="button" class="control icon-only" aria-label=${t('dialog.close')} title=${t('dialog.close')} onClick=${close}><${Icon} name="close" /></button></header>
      <div class="dialog-body">${children}</div>
    </div>
  </dialog>`;
}
