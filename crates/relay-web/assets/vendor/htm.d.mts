/** The part of htm that the page uses. */
declare const htm: {
  bind<R>(h: (this: number[], type: any, props: any, ...children: any[]) => R): (strings: TemplateStringsArray, ...values: any[]) => R;
};
export default htm;
