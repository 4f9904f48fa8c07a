import everstrand
from pyqldb.driver.qldb_driver import QldbDriver
session = everstrand.boto3_session()
driver = QldbDriver("cars", boto3_session=session)
run = lambda statement, *values: list(driver.execute_lambda(lambda transaction: transaction.execute_statement(statement, *values)))
run("CREATE TABLE Car")
run("INSERT INTO Car ?", {"VIN": "1N4AL11D75C", "Owner": "Ana"})
(car,) = run("SELECT * FROM _ql_committed_Car AS c WHERE c.data.VIN = ?", "1N4AL11D75C")
print(car["data"]["Owner"])
print(everstrand.verify_revision(session.client("qldb"), "cars", car))
