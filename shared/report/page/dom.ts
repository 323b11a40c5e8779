import { visible } from './words.ts';

type Value = string | number | boolean | null | ((event: Event) => void);
export type Child = Node | string | number | null | false | readonly Child[];

/**
 * Makes an element. Children and attributes are always text: nothing in here reads markup. A function becomes a listener of the event
 * that it is named for; `false` and `null` leave an attribute out.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Value>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== null && value !== false) element.setAttribute(name, visible(String(value)));
  }
  append(element, children);
  return element;
}

function append(parent: Node, children: readonly Child[]): void {
  for (const child of children) {
    if (child === null || child === false) continue;
    if (Array.isArray(child)) append(parent, child as readonly Child[]);
    else
      parent.appendChild(
        child instanceof Node ? child : document.createTextNode(visible(`${child as string | number}`)),
      );
  }
}

/** Puts these children in place of all that an element has. */
export function fill(element: Element, ...children: readonly Child[]): void {
  element.replaceChildren();
  append(element, children);
}

/** A part of the page that report.html has. */
export function part<Type extends HTMLElement>(id: string, type: abstract new (...args: never[]) => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`the page has no ${id}`);
  return found;
}

/** A name that somebody else gave: whatever its direction of writing is, the text around it keeps its own. */
export const named = (text: string, className = 'name'): HTMLElement => h('bdi', { class: className }, text);

/** Makes the changes of `work`, and gives the focus back to the element that had it, if it is there under its id. */
export function keepingFocus(work: () => void): void {
  const id = document.activeElement?.id ?? '';
  work();
  if (id !== '' && document.activeElement?.id !== id) document.getElementById(id)?.focus({ preventScroll: true });
}
