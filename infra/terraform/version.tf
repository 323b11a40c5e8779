terraform {
  required_version = ">= 1.9.0"

  required_providers {
    # Trusted profiles of functions came with 1.88.0.
    ibm = {
      source  = "IBM-Cloud/ibm"
      version = ">= 1.88.0, < 3.0.0"
    }
  }
}
