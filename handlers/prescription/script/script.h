/*
 * script.h: NCPDP SCRIPT 2017071 messages: read, kept as named texts, answered.
 *
 * The reader knows XML and nothing of the service: no database, no network. What it finds of a NewRx is a list of texts, one per
 * row of script_fields, trimmed and otherwise as they were sent; what they mean is for rules/. A content is the same list as a JSON
 * object, {"patient":{...},"prescriber":{...},"pharmacy":{...},"medication":{...},"insurance":{...}}, which the service keeps sealed.
 *
 * Rule H6 for XML: at most SCRIPT_MAX bytes of UTF-8, no DOCTYPE at all (so no entities of its own and nothing external), no network,
 * at most SCRIPT_DEPTH elements deep. Names are compared without their namespace.
 */
#ifndef PRESCRIPTION_SCRIPT_H
#define PRESCRIPTION_SCRIPT_H

#include <jansson.h>

#include "base/buf.h"
#include "base/problem.h"

#define SCRIPT_MAX   ((size_t)1024 * 1024)
#define SCRIPT_DEPTH 32

enum script_kind { SCRIPT_NEWRX = 1, SCRIPT_CANCELRX, SCRIPT_STATUS, SCRIPT_VERIFY, SCRIPT_ERROR, SCRIPT_OTHER };

/* name, member of the content, most characters, where in the message (below Body's first element; | is another place for it) */
#define SCRIPT_FIELDS(X) \
	X(PATIENT_ID, "patient.identifier", 80, "Patient/HumanPatient/Identification/MedicalRecordIdentificationNumberEHR" \
	    "|Patient/HumanPatient/Identification/PatientAccountNumber") \
	X(LAST_NAME, "patient.lastName", 35, "Patient/HumanPatient/Name/LastName|Patient/HumanPatient/Names/Name/LastName") \
	X(FIRST_NAME, "patient.firstName", 35, "Patient/HumanPatient/Name/FirstName|Patient/HumanPatient/Names/Name/FirstName") \
	X(MIDDLE_NAME, "patient.middleName", 35, "Patient/HumanPatient/Name/MiddleName|Patient/HumanPatient/Names/Name/MiddleName") \
	X(GENDER, "patient.gender", 20, "Patient/HumanPatient/Gender|Patient/HumanPatient/GenderAndSex/AdministrativeGender") \
	X(BIRTH_DATE, "patient.birthDate", 30, "Patient/HumanPatient/DateOfBirth/Date") \
	X(LINE1, "patient.address.line1", 40, "Patient/HumanPatient/Address/AddressLine1") \
	X(LINE2, "patient.address.line2", 40, "Patient/HumanPatient/Address/AddressLine2") \
	X(CITY, "patient.address.city", 35, "Patient/HumanPatient/Address/City") \
	X(REGION, "patient.address.state", 9, "Patient/HumanPatient/Address/StateProvince") \
	X(ZIP, "patient.address.zip", 11, "Patient/HumanPatient/Address/PostalCode") \
	X(COUNTRY, "patient.address.country", 2, "Patient/HumanPatient/Address/CountryCode") \
	X(PHONE, "patient.phone", 20, "Patient/HumanPatient/CommunicationNumbers/PrimaryTelephone/Number" \
	    "|Patient/HumanPatient/CommunicationNumbers/HomeTelephone/Number") \
	X(EMAIL, "patient.email", 80, "Patient/HumanPatient/CommunicationNumbers/ElectronicMail") \
	X(PHARMACY_NCPDP, "pharmacy.ncpdpId", 35, "Pharmacy/Identification/NCPDPID") \
	X(PHARMACY_NPI, "pharmacy.npi", 35, "Pharmacy/Identification/NPI") \
	X(PHARMACY_NAME, "pharmacy.name", 70, "Pharmacy/BusinessName") \
	X(NPI, "prescriber.npi", 35, "Prescriber/NonVeterinarian/Identification/NPI") \
	X(DEA, "prescriber.dea", 35, "Prescriber/NonVeterinarian/Identification/DEANumber") \
	X(LICENSE, "prescriber.license", 35, "Prescriber/NonVeterinarian/Identification/StateLicenseNumber") \
	X(PRESCRIBER_LAST, "prescriber.lastName", 35, "Prescriber/NonVeterinarian/Name/LastName") \
	X(PRESCRIBER_FIRST, "prescriber.firstName", 35, "Prescriber/NonVeterinarian/Name/FirstName") \
	X(PRESCRIBER_LINE1, "prescriber.line1", 40, "Prescriber/NonVeterinarian/Address/AddressLine1") \
	X(PRESCRIBER_STATE, "prescriber.state", 9, "Prescriber/NonVeterinarian/Address/StateProvince") \
	X(PRESCRIBER_PHONE, "prescriber.phone", 20, "Prescriber/NonVeterinarian/CommunicationNumbers/PrimaryTelephone/Number") \
	X(DRUG, "medication.drug_name", 105, "MedicationPrescribed/DrugDescription") \
	X(NDC, "medication.ndc", 35, "MedicationPrescribed/DrugCoded/ProductCode/Code") \
	X(NDC_QUALIFIER, "medication.ndc_qualifier", 3, "MedicationPrescribed/DrugCoded/ProductCode/Qualifier") \
	X(STRENGTH, "medication.strength", 70, "MedicationPrescribed/DrugCoded/Strength/StrengthValue") \
	X(SCHEDULE, "medication.schedule_code", 15, "MedicationPrescribed/DrugCoded/DEASchedule/Code") \
	X(QUANTITY, "medication.quantity", 18, "MedicationPrescribed/Quantity/Value") \
	X(QUANTITY_UNIT, "medication.quantity_unit", 15, "MedicationPrescribed/Quantity/QuantityUnitOfMeasure/Code") \
	X(DAYS_SUPPLY, "medication.days_supply", 18, "MedicationPrescribed/DaysSupply") \
	X(WRITTEN_DATE, "medication.written_date", 40, "MedicationPrescribed/WrittenDate/Date|MedicationPrescribed/WrittenDate/DateTime") \
	X(SUBSTITUTIONS, "medication.substitutions", 1, "MedicationPrescribed/Substitutions") \
	X(REFILLS, "medication.refills", 18, "MedicationPrescribed/NumberOfRefills") \
	X(DIAGNOSIS, "medication.diagnosis", 15, "MedicationPrescribed/Diagnosis/Primary/Code") \
	X(NOTE, "medication.note", 210, "MedicationPrescribed/Note") \
	X(COVERAGE_STATUS, "medication.coverage_status", 3, "MedicationPrescribed/DrugCoverageStatusCode") \
	X(SIG, "medication.sig", 1000, "MedicationPrescribed/Sig/SigText") \
	X(SIG_DOSE, "medication.sig_dose", 18, "MedicationPrescribed/Sig/Instruction/DoseAdministration/Dosage/DoseQuantity") \
	X(SIG_ROUTE, "medication.sig_route", 70, "MedicationPrescribed/Sig/Instruction/DoseAdministration/RouteOfAdministration/Text") \
	X(SIG_FREQUENCY, "medication.sig_frequency", 18, "MedicationPrescribed/Sig/Instruction/TimingAndDuration/Frequency/FrequencyNumericValue") \
	X(BIN, "insurance.bin", 8, "BenefitsCoordination/PayerIdentification/IINNumber") \
	X(PCN, "insurance.pcn", 10, "BenefitsCoordination/PayerIdentification/ProcessorIdentificationNumber") \
	X(GROUP, "insurance.group", 15, "BenefitsCoordination/GroupID") \
	X(MEMBER, "insurance.member_id", 20, "BenefitsCoordination/CardholderID") \
	X(PAYER, "insurance.payer_name", 70, "BenefitsCoordination/PayerName") \
	X(PERSON_CODE, "insurance.person_code", 3, "BenefitsCoordination/PersonCode")

enum script_field {
#define SCRIPT_ENUM(name, member, most, path) SCRIPT_##name,
	SCRIPT_FIELDS(SCRIPT_ENUM)
#undef SCRIPT_ENUM
	SCRIPT__MAX
};

struct script_row {
	const char *member; /* dotted path in a content: patient.lastName */
	size_t most;        /* characters */
	const char *path;   /* elements in the message, / between, | between alternatives */
};
extern const struct script_row script_fields[SCRIPT__MAX];

/* Everything is the arena's; a text that was not sent, or is empty, is NULL. */
struct script_message {
	enum script_kind kind;
	const char *body; /* name of the Body's element: NewRx */
	const char *to, *to_qualifier, *from, *from_qualifier;
	const char *message_id, *relates_to, *sent_time, *order_number;
	bool test;
	bool is_signed; /* a DigitalSignatureIndicator, or the coverage status SI */
	const char *code, *description; /* Status, Verify, Error */
	const char *text[SCRIPT__MAX];  /* NewRx, CancelRx */
};

/* Once per process, before threads. */
void script_init(void);
/* 400 "malformed_xml" with the line, "doctype_refused", "too_deep"; 413 "xml_too_large"; 422 "not_script" with what its envelope lacks
 * (Header/From, Header/MessageID, a body). A NewRx whose own members are missing or wrong is read: they are errors of the
 * prescription, not of the message. */
int script_read(struct arena *a, struct bytes xml, struct script_message *ret, struct problem *err) MUST_CHECK;

/* ---- fields.c: contents */
const char *script_content(struct arena *a, const char *const text[SCRIPT__MAX]);
/* The other way; members that no row names are not looked at. 400 when it is no JSON object. */
int script_texts(struct arena *a, struct bytes content, const char *text[SCRIPT__MAX], struct problem *err) MUST_CHECK;

/* ---- answer.c: what is said back. to, from: identifiers with their qualifiers as the message had them, turned round. */
struct script_answer {
	const struct script_message *to;
	const char *message_id; /* our own, at most 35 characters */
	const char *at;         /* RFC 3339 */
	enum { ANSWER_STATUS, ANSWER_ERROR, ANSWER_VERIFY, ANSWER_CANCEL_APPROVED, ANSWER_CANCEL_DENIED } kind;
	const char *code;        /* Status and Verify: 000, 010; Error: 600 601 602 900; a denial's reason code, or NULL */
	const char *description; /* our words, never a patient's; NULL for none */
};
const char *script_answer(struct arena *a, const struct script_answer *what);

#endif
