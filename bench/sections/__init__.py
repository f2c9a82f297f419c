"""What is compared, a file for each section: `TITLE` and `run(settings)`, which returns a Report.

A section starts its contenders, makes a case of each contender and load, has them run in turn
(bench.rounds.interleave), adds ratios, and says which figures have a target.
"""
