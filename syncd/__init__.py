"""syncd keeps a company's people in DingTalk in step with its directories and HR systems. Importing this imports nothing else."""
