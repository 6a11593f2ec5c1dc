"""The image ``spark``, from inside; built by ``make images``, tested where it is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.hub import FakeHub
from probes import execute

from .room import Room, existing
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

# A machine with other work starts a Java in a minute instead of seconds.
PATIENCE = 900

JOB = """
import json
import pandas as pd
from pyspark.sql import SparkSession
from pyspark.sql.functions import pandas_udf

spark = SparkSession.builder.master("local[2]").getOrCreate()
sales = pd.DataFrame({"shop": ["a", "b", "a"], "price": [1.5, 2.0, 3.0], "day": pd.Timestamp(0)})
spark.createDataFrame(sales).write.partitionBy("shop").parquet("sales.parquet")
spark.read.parquet("sales.parquet").createOrReplaceTempView("sales")

@pandas_udf("double")
def twice(values: pd.Series) -> pd.Series:
    return values * 2

spark.udf.register("twice", twice)
totals = spark.sql("select shop, sum(twice(price)) as total from sales group by shop order by shop")
spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
spark.conf.set("spark.sql.execution.arrow.pyspark.fallback.enabled", "false")
print(json.dumps([totals.toPandas().to_dict("list"), str(spark.table("sales").toPandas().day.dtype),
                  spark.sparkContext.uiWebUrl]))
spark.stop()
"""
CONNECT = """
import json
from pyspark.sql import SparkSession

spark = SparkSession.builder.remote("local[1]").getOrCreate()
total = spark.range(10).selectExpr("sum(id) as total").toPandas().total
print(json.dumps([type(spark).__module__, total.to_list()]))
spark.stop()
"""


@pytest.fixture(scope="module")
def spark() -> Iterator[Room]:
    with existing("spark") as entered:
        yield entered


def test_java_is_one_that_spark_runs_on(spark: Room, home: Path) -> None:
    assert 'version "17.' in spark.run("java", "-version", home=home).stderr


async def test_a_cell_runs_a_job_with_sql_parquet_and_arrow(
    spark: Room, hub: FakeHub, home: Path
) -> None:
    async with serving(spark, hub, home) as (ann, _, _):
        printed = await execute(ann, JOB, patience=PATIENCE)
    totals, day, address = json.loads(printed.splitlines()[-1])
    assert totals == {"shop": ["a", "b"], "total": [9.0, 4.0]}
    assert day.startswith("datetime64")
    # Nobody else on the network sees what the job does.
    assert address.startswith("http://localhost:")
    assert list((home / "sales.parquet/shop=a").glob("*.parquet"))


async def test_spark_connect_computes_on_a_server(spark: Room, hub: FakeHub, home: Path) -> None:
    """The client of clusters elsewhere, Databricks' too, with a server in the same workspace."""
    async with serving(spark, hub, home) as (ann, _, _):
        printed = await execute(ann, CONNECT, patience=PATIENCE)
    assert json.loads(printed.splitlines()[-1]) == ["pyspark.sql.connect.session", [45]]
