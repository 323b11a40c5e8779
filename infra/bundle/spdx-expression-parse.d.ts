/** The package brings no types. */
declare module 'spdx-expression-parse' {
  namespace parse {
    type SpdxExpression =
      | { license: string; plus?: true; exception?: string }
      | { left: SpdxExpression; conjunction: 'and' | 'or'; right: SpdxExpression };
  }
  /** @throws Error for what is no expression, or names a licence that SPDX does not list. */
  function parse(expression: string): parse.SpdxExpression;
  export = parse;
}
