"""Data pipelines: assets by partition, made by durable workflows.

from tenuto.pipelines import Daily, Files, Pipeline, asset, check
"""

from tenuto.pipelines.assets import Asset as Asset
from tenuto.pipelines.assets import Check as Check
from tenuto.pipelines.assets import CheckFailed as CheckFailed
from tenuto.pipelines.assets import asset as asset
from tenuto.pipelines.assets import check as check
from tenuto.pipelines.assets import every as every
from tenuto.pipelines.assets import last as last
from tenuto.pipelines.lineage import to_file as to_file
from tenuto.pipelines.lineage import to_url as to_url
from tenuto.pipelines.operate import AssetStatus as AssetStatus
from tenuto.pipelines.operate import backfill as backfill
from tenuto.pipelines.operate import install as install
from tenuto.pipelines.operate import materialize as materialize
from tenuto.pipelines.operate import status as status
from tenuto.pipelines.partitions import Daily as Daily
from tenuto.pipelines.partitions import Dynamic as Dynamic
from tenuto.pipelines.partitions import Hourly as Hourly
from tenuto.pipelines.partitions import Monthly as Monthly
from tenuto.pipelines.partitions import Multi as Multi
from tenuto.pipelines.partitions import Static as Static
from tenuto.pipelines.partitions import Weekly as Weekly
from tenuto.pipelines.pipeline import Partial as Partial
from tenuto.pipelines.pipeline import Pipeline as Pipeline
from tenuto.pipelines.pipeline import PipelineFailed as PipelineFailed
from tenuto.pipelines.pipeline import map_partial as map_partial
from tenuto.pipelines.stores import Files as Files
from tenuto.pipelines.stores import Materialization as Materialization
from tenuto.pipelines.stores import Memory as Memory
