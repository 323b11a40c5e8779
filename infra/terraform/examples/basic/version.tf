terraform {
  required_version = ">= 1.9.0"

  required_providers {
    # The lowest version that the module works with.
    ibm = {
      source  = "IBM-Cloud/ibm"
      version = "1.88.0"
    }
  }
}
