/** The part of preact that the page uses. */
export interface VNode {
  type: unknown;
  props: unknown;
  key: unknown;
}
export type Child = VNode | string | number | boolean | null | undefined | Child[];
export class Component<P = {}> {
  constructor(props: P);
  props: P;
  shouldComponentUpdate?(next: P): boolean;
  componentDidCatch?(error: unknown): void;
  setState(state: object): void;
  render(props: P, state: object): Child;
}
export const Fragment: unknown;
export const options: { debounceRendering?: (draw: () => void) => void };
export function h(type: unknown, props: object | null, ...children: Child[]): VNode;
export function render(vnode: VNode, parent: Element): void;
