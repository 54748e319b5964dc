"""`app.yaml`: what a person writes to say what an app is made of, checked to the last field."""
