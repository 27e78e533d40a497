"""What helps with words: what is refused, what was used, styles, ideas, an enhancer. No module here knows of jobs."""
