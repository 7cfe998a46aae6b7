/** The part of preact/hooks that the page uses. */
type Cleanup = void | (() => void);
export function useEffect(run: () => Cleanup, inputs?: readonly unknown[]): void;
export function useLayoutEffect(run: () => Cleanup, inputs?: readonly unknown[]): void;
export function useMemo<T>(make: () => T, inputs: readonly unknown[]): T;
export function useRef<T>(initial: T): { current: T };
export function useState<T>(initial: T | (() => T)): [T, (next: T | ((old: T) => T)) => void];
export function useId(): string;
