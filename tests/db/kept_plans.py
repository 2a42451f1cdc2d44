"""Explains the plan that a connection keeps for a statement."""

from db.compiled_statements import prepare_statements


def explain_kept_plan(database, statement, values):
    """Shapes: the values are as the driver takes them, by parameter."""
    with database.transaction() as session:
        connection = session.connection()
        assert prepare_statements(connection, [statement])
        explain = f"EXPLAIN {statement.execute_text}"
        return "\n".join(connection.exec_driver_sql(explain, values).scalars())
