/** Small helpers for components. */

import htm from '../../vendor/htm.mjs';
import { Component, h } from '../../vendor/preact.mjs';

/** @typedef {import('../../vendor/preact.mjs').Child} Child */

/**
 * Makes one element for htm. htm keeps elements without values for ever, and preact's elements know their parents: a
 * kept one would keep every tree it was ever part of. The first place of htm's context says how to handle the element;
 * 3 means "has values, do not keep".
 * @this {number[]}
 * @param {any} type
 * @param {any} props
 * @param {any[]} children
 */
function element(type, props, ...children) {
  this[0] = 3;
  return h(type, props, ...children);
}

/** Markup as a tagged template; every value in it is text, never HTML. */
export const html = htm.bind(element);

/**
 * Draws a component again only when one of its properties is another one.
 * @template {object} P
 * @param {(props: P) => Child} inner
 */
export function memo(inner) {
  return class extends /** @type {typeof Component<P>} */ (Component) {
    /** @param {P} next */
    shouldComponentUpdate(next) {
      const before = /** @type {Record<string, unknown>} */ (this.props);
      const after = /** @type {Record<string, unknown>} */ (next);
      const names = Object.keys(after);
      return names.length !== Object.keys(before).length || names.some((name) => before[name] !== after[name]);
    }

    /** @param {P} props */
    render(props) {
      return h(inner, props);
    }
  };
}
