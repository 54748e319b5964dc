"""What a run does between plan and end: bytes, files, proof, start; `installer.run` calls it."""
