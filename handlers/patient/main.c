#include "patient/patient.h"

int
main(int argc, char **argv)
{
	return service_main(argc, argv, &patient_service);
}
