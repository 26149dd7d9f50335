import type { ComponentChildren, JSX } from 'preact';

export interface Column {
  readonly label: string;
  readonly number?: boolean;
}

export interface Row {
  readonly key: string;
  readonly class?: string;
  /** The first names the row. */
  readonly cells: readonly ComponentChildren[];
}

interface LabelledTableProps {
  /** Id of its heading. */
  readonly titledBy: string;
  readonly class?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly Row[];
}

/** A table whose rows become small lists where it is narrow. The roles are said because it loses them then. */
export function LabelledTable(props: LabelledTableProps): JSX.Element {
  const { titledBy, columns, rows } = props;
  return (
    <table role="table" class={props.class ?? ''} aria-labelledby={titledBy}>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ label, number }) => (
            <th key={label} role="columnheader" scope="col" class={number ? 'number' : ''}>
              {label}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map(({ key, class: kind = '', cells: [name, ...others] }) => (
          <tr key={key} role="row" class={kind}>
            <th role="rowheader" scope="row" class="address">
              {name}
            </th>
            {others.map((cell, index) => {
              const { label, number } = columns[index + 1] ?? { label: '' };
              return (
                <td key={label} role="cell" data-label={label} class={number ? 'number' : ''}>
                  {cell}
                </td>
              );
            })}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
