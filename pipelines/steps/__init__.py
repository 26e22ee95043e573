"""What the steps of the pipeline do. Nothing of Kubeflow is in here: a step gets folders, its section, parameters."""
